"""A store under test, and short ways to say what happens to it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

from corral.ids import new_id
from corral.job.batch import Batch
from corral.job.job import Job, NewJob
from corral.job.limit_use import LimitUse, group_of, uses_of
from corral.job.outcome import (
    Cancelled,
    Erred,
    ErrorKind,
    Exhausted,
    Finished,
    JobError,
    Outcome,
    Parked,
    Released,
    Snoozed,
    Succeeded,
)
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import BeyondSlots, ClaimAnswer, Recorded, Store, Term
from corral.store.workers.heartbeat import Heartbeat
from corral_testing.fake import FakeStore
from corral_testing.fake.fleet import FakeHeartbeat
from corral_testing.values import QUEUE, TYPE, new_job, worker_record

ERROR = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "it broke", "Traceback …", "acme.jobs:run:12")
LONG = 3600.0
"""Seconds that no test waits for: only `advance` passes them."""


class JobFields(TypedDict, total=False):
    """What a test may say of a job."""

    delay: float
    run_at: datetime | None
    expires_in: float | None
    timeout: float | None
    max_stalls: int
    priority: Priority
    queue: str
    type: str
    tags: tuple[str, ...]
    payload: str
    uses: Sequence[LimitUse]
    batch: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A store with nothing in it, and what only its owner can do to it."""

    store: Store | FakeStore
    heartbeat: Callable[[UUID], Heartbeat | FakeHeartbeat]
    advance: Callable[[float], Awaitable[None]]
    """Let seconds pass for everything that is stored."""
    block: Callable[[UUID], Awaitable[None]]
    """Make a queued job wait for others, as a flow would."""
    declare: Callable[[str, dict[str, Any]], Awaitable[None]]
    """Declare a limit with these values, in place of those it had."""
    override: Callable[[str, str, dict[str, Any], bool], Awaitable[None]]
    """Set values over a limit, or over one of its keys, and pause it or not; as an operator does."""

    async def submit(self, **fields: Unpack[JobFields]) -> UUID:
        """Insert one job; its id."""
        job = self.new_job(**fields)
        await self.store.jobs.insert([job])
        return job.id

    def new_job(self, **fields: Unpack[JobFields]) -> NewJob:
        """A job that can be inserted; an id that is later than that of the one before."""
        said: dict[str, Any] = {**fields}
        uses, batch = said.pop("uses", ()), said.pop("batch", None)
        plain: dict[str, Any] = {"payload": '{"n": 1}', "retries": 3, "timeout": 60.0, "max_stalls": 2}
        job = new_job(id=_next_id(), **(plain | said))
        return replace(job, limits=uses_of(job.queue, job.priority, uses, batch))

    async def worker(self, name: str | None = None) -> UUID:
        """Register a worker; its id."""
        id = new_id()
        await self.store.workers.register(worker_record(id=id, name=name or f"worker-{id}", host="localhost"))
        return id

    async def claim(
        self,
        worker: UUID,
        *ids: UUID,
        alone: bool = False,
        claim: UUID | None = None,
        beyond: BeyondSlots | None = None,
    ) -> ClaimAnswer:
        """Claim jobs under a claim id of their own, or that one."""
        return await self.store.claims.claim(
            worker, claim or new_id(), ids, [TYPE], alone=alone, beyond=beyond
        )

    async def running(self, worker: UUID, *ids: UUID, claim: UUID | None = None) -> None:
        """Claim jobs, all of which must be claimed."""
        answer = await self.claim(worker, *ids, alone=True, claim=claim)
        assert not answer.refused, answer.refused

    async def claim_groups(
        self,
        worker: UUID,
        *uses: Sequence[LimitUse],
        take: int = 10,
        alone: bool = False,
        held: Sequence[UUID] = (),
    ) -> list[UUID]:
        """Claim jobs of the groups that take of these, at most `take` of each; their ids, oldest first."""
        groups = [group_of(QUEUE, Priority.NORMAL, [use.name for use in some]) for some in uses]
        answer = await self.store.limit_claims.claim(
            worker, new_id(), dict.fromkeys(groups, take), [TYPE], alone=alone, held=held
        )
        return sorted(job.id for job in answer.claimed)

    async def claim_batches(
        self,
        worker: UUID,
        key: str,
        batch: Batch,
        uses: Sequence[LimitUse] = (),
        *,
        take: int = 10,
        alone: bool = False,
    ) -> list[UUID]:
        """Claim jobs of one batch key, at most so many batches; their ids, oldest first."""
        group = group_of(QUEUE, Priority.NORMAL, [use.name for use in uses], key)
        answer = await self.store.limit_claims.claim(
            worker, new_id(), {group: take}, [TYPE], alone=alone, batches={TYPE: batch}
        )
        return [job.id for job in answer.claimed]

    async def finish(
        self,
        worker: UUID,
        id: UUID,
        attempt: int,
        outcome: Outcome,
        *,
        limited: bool = False,
        unique: bool = False,
    ) -> Recorded:
        """Write how one attempt ended."""
        finished = Finished(id, attempt, outcome, limited=limited, unique=unique)
        return (await self.store.attempts.finish(worker, [finished]))[0]

    async def lose(self, worker: UUID, term: Term) -> Sequence[State]:
        """Take a worker for lost; the states of its jobs."""
        counter = dict(await self.store.workers.observations())[worker]
        return [job.state for job in await self.store.workers.reclaim(worker, counter, term) or ()]

    async def lead(self) -> Term:
        """Be the leader, for as long as nobody else asks."""
        term = await self.store.leases.acquire("the test", await self.store.leases.read())
        assert term is not None
        return term

    async def job(self, id: UUID) -> Job:
        """The job, which must exist."""
        job = await self.store.jobs.get(id)
        assert job is not None, id
        return job


_latest = UUID(int=0)


def _next_id() -> UUID:
    """An id that is later than the one before, within a millisecond, too: jobs lie in the order of their submission."""
    global _latest  # noqa: PLW0603
    while (id := new_id()) <= _latest:
        pass
    _latest = id
    return id


SUCCEEDED = Succeeded('{"done": true}')
TIMED_OUT = JobError(ErrorKind.TIMEOUT, "builtins.TimeoutError", "ran longer than its timeout of 60 s")
ERRED = Erred(ERROR, retry_in=LONG)
EXHAUSTED = Exhausted(ERROR)
RELEASED = Released("the worker is stopping")
SNOOZED = Snoozed(LONG, ERROR)
PARKED = Parked(LONG, "one", "429 Too Many Requests")
"""Parks the limit `one`."""
CANCELLED = Cancelled("a cancel was requested")
