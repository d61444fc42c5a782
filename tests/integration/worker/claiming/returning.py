"""Engines that claim more than they have slots for; real claims of which a test hears, and whose answers can be lost."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import FAR, QUEUE, Engine, engine_of
from tests.integration.worker.system import System

from corral.errors import Unavailable
from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store.attempts.claims import ClaimAnswer, Claims
from corral_worker.claiming import claim_ahead

LANE = Lane(QUEUE, Priority.NORMAL)
TWO = {"async": 2}


class WatchedClaims(Claims):
    """Keeps the answers of claims, and counts put-backs. The answers of the first `lost` put-backs are lost, before or after they are written."""

    def __init__(
        self,
        engine: Engine,
        claimed: Callable[["WatchedClaims"], Awaitable[None]] | None,
        putting_back: Callable[["WatchedClaims", Sequence[UUID]], Awaitable[None]] | None,
        *,
        lost: int,
        written: bool,
    ) -> None:
        super().__init__(engine.store.database)
        self._claimed, self._putting_back = claimed, putting_back
        self._lost, self._written = lost, written
        self.answers: list[ClaimAnswer] = []
        self.put_backs = 0

    @property
    def count(self) -> int:
        """How many claims were answered."""
        return len(self.answers)

    @classmethod
    def watch(
        cls,
        engine: Engine,
        *,
        claimed: Callable[["WatchedClaims"], Awaitable[None]] | None = None,
        putting_back: Callable[["WatchedClaims", Sequence[UUID]], Awaitable[None]] | None = None,
        lost: int = 0,
        written: bool = True,
    ) -> "WatchedClaims":
        """Have this engine claim with one."""
        claims = cls(engine, claimed, putting_back, lost=lost, written=written)
        engine.claim_loop._claiming._store = claims
        engine.claim_loop._slot_queue._claims = claims
        return claims

    async def claim(self, *arguments: Any, **keywords: Any) -> ClaimAnswer:
        answer = await super().claim(*arguments, **keywords)
        self.answers.append(answer)
        if self._claimed is not None:
            await self._claimed(self)
        return answer

    async def put_back(self, worker: UUID, claim: UUID, ids: Sequence[UUID]) -> set[UUID]:
        self.put_backs += 1
        if self._putting_back is not None:
            await self._putting_back(self, ids)
        if self.put_backs > self._lost:
            return await super().put_back(worker, claim, ids)
        if self._written:
            await super().put_back(worker, claim, ids)
        raise Unavailable("postgres", "the answer was lost")


@contextmanager
def however_slow() -> Iterator[None]:
    """What a job took until it ended bounds no claim: a pause of this machine says nothing of the jobs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claim_ahead, "HOLD_SECONDS", FAR)
        yield


@asynccontextmanager
async def ahead(system: System, **options: Any) -> AsyncIterator[Engine]:
    """An engine of two slots for which a type is quick after two runs, however slow this machine is."""
    with however_slow():
        async with engine_of(system, quick_runs=2, **TWO, **options) as engine:
            yield engine


def quick(engine: Engine, *types: str) -> None:
    """Let the worker have seen many runs of these types that ended at once."""
    engine.claim_loop._claim_ahead._runs.update(dict.fromkeys(types, 1_000))


def sizes_of(engine: Engine) -> list[tuple[int, int]]:
    """How many jobs each claim brings, from now on: those that begin at once, and those that wait."""
    sizes: list[tuple[int, int]] = []
    start = engine.claim_loop._start

    def started(claimed: Sequence[Claimed], later: Sequence[Claimed] = ()) -> None:
        sizes.append((len(claimed), len(later)))
        start(claimed, later)

    engine.claim_loop._start = started  # type: ignore[method-assign]
    return sizes


async def two_quick_then(engine: Engine, *gated: str) -> list[UUID]:
    """Two jobs that end at once, some that wait at gates, and two that would end at once; the ids of all but the first two.

    Both types are known as quick, so that the second claim takes jobs beyond the slots.
    """
    quick(engine, "engine.echo", "engine.gated")
    for payload in ("x", "y"):
        await engine.submit("engine.echo", payload)
    held = [await engine.submit("engine.gated", gate) for gate in gated]
    return held + [await engine.submit("engine.echo", payload) for payload in (1, 2)]


async def as_before(system: System, before: dict[UUID, Any]) -> bool:
    """Whether these jobs are what they were, but for when they were changed."""
    for job, was in before.items():
        row = await system.job(job)
        if (row.state, row.attempt, row.queued_at) != (was.state, was.attempt, was.queued_at):
            return False
        assert (row.worker, row.started_at, row.releases, row.errors) == (None, None, 0, 0)
    return True


async def others_find(system: System, count: int) -> list[UUID]:
    """What another worker finds in the lane, in its order, once the lane holds so many."""
    await eventually_async(lambda: holds(system, count))
    return [one.id for one in (await system.dispatch.lanes.pop("other", [LANE], 99, wait=False)).popped]


async def holds(system: System, count: int) -> bool:
    return await system.dispatch._redis.llen(f"rq:queue:{QUEUE}") == count
