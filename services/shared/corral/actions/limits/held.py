"""Slots of limits that handlers of this process hold while they run: taken, renewed, lost, given back."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.limits.names import limit_names
from corral.dispatch import Dispatch
from corral.errors import Conflict, LimitTimeout, Unavailable
from corral.ids import new_id
from corral.job.limit_use import in_words, parsed
from corral.store import Store
from corral.store.limits.leases import LEASE_SECONDS

log = structlog.get_logger(__name__)

RENEW_SECONDS = LEASE_SECONDS / 3
LOST_SECONDS = LEASE_SECONDS * 2 / 3
"""So long after the last renewal a holder is told to stop: before anybody else can have its slot."""
LOOK_SECONDS = (0.02, 1.0)
"""First and longest wait before a full limit is looked at again."""


@dataclass(eq=False, slots=True)
class HeldLimit:
    """A slot of a limit, and of its key, that this process holds."""

    lease: UUID
    names: tuple[str, ...]
    renewed: float
    """A reading of the clock before the last renewal was sent."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class HeldLimits:
    """The slots that this process holds. Belongs to the event loop."""

    def __init__(
        self, store: Store, dispatch: Dispatch, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._held: dict[UUID, HeldLimit] = {}
        self._rates: dict[str, bool] = {}
        """Of limits whether they are rates, which never changes."""
        self._renewing: asyncio.Task[None] | None = None

    async def names(self, limit: str, key: str | None) -> tuple[str, ...]:
        """What is taken of a limit: its total, its key, or both; sorted.

        Raises:
            InvalidInput: there is no such limit, or it has no such keys.
            Unavailable: Postgres is away.
        """
        return await limit_names(self._store, limit, key)

    async def without_rates(self, names: Sequence[str]) -> list[str]:
        """Those of these names that stand for limits: nobody waits until something of a rate is given back.

        Raises:
            Unavailable: Postgres is away.
        """
        for limit in {parsed(name)[0] for name in names} - self._rates.keys():
            found = await self._store.budget_notes.values(limit)
            self._rates[limit] = found is not None and "rate" in found.values
        return [name for name in names if not self._rates[parsed(name)[0]]]

    async def take(
        self,
        names: Sequence[str],
        job: UUID,
        attempt: int,
        timeout: float | None,  # noqa: ASYNC109
    ) -> HeldLimit:
        """Hold a slot of each of these, when all have one.

        Raises:
            LimitTimeout: they had none in time.
            Conflict: the attempt no longer holds the job.
            Unavailable: Postgres was away for all of the time.
        """
        ends = math.inf if timeout is None else self._clock() + timeout
        wait = LOOK_SECONDS[0]
        while True:
            held = HeldLimit(new_id(), tuple(names), self._clock())
            try:
                answer = await self._store.limit_leases.take(held.lease, names, job, attempt)
            except Unavailable:
                if self._clock() + wait > ends:
                    raise
            else:
                if not answer.holds:
                    raise Conflict(f"attempt {attempt} no longer holds job {job}")
                if answer.taken:
                    self._held[held.lease] = held
                    if self._renewing is None or self._renewing.done():
                        self._renewing = asyncio.get_running_loop().create_task(self._renew())
                    return held
                if self._clock() + wait > ends:
                    raise LimitTimeout(
                        f"{' or '.join(f'the {in_words(name)}' for name in names)} had no free slot in time"
                    )
            await asyncio.sleep(wait)
            wait = min(LOOK_SECONDS[1], wait * 2)

    async def release(self, held: HeldLimit) -> bool:
        """Give a slot back; whether it was held until now. What can't be given back now ends with its lease."""
        self._held.pop(held.lease, None)
        lost = held.lost.is_set()
        try:
            freed = await self._store.limit_leases.release(held.lease)
            await self._dispatch.rings.free(dict.fromkeys(freed, 1))
        except Unavailable as error:
            metrics.SWALLOWED.labels("limit-release").inc()
            log.warning("limits.release_unanswered", names=list(held.names), error=str(error))
            return not lost
        return bool(freed) and not lost

    async def close(self) -> None:
        """Renew nothing any more: what is held ends with its lease."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)

    async def _renew(self) -> None:
        """Renew what is held, until nothing is; tell whoever holds what could not be renewed."""
        while self._held:
            await asyncio.sleep(RENEW_SECONDS / 10)
            now = self._clock()
            for held in list(self._held.values()):
                if now - held.renewed > LOST_SECONDS:
                    self._lose(held)
            due = [held for held in self._held.values() if now - held.renewed > RENEW_SECONDS]
            if not due:
                continue
            try:
                kept = await self._store.limit_leases.renew([held.lease for held in due])
            except Unavailable as error:
                log.warning("limits.not_renewed", slots=len(due), error=str(error))
                continue
            for held in due:
                if held.lease in kept:
                    held.renewed = now
                else:
                    self._lose(held)

    def _lose(self, held: HeldLimit) -> None:
        if self._held.pop(held.lease, None) is not None:
            metrics.LIMIT_LEASES_LOST.labels(held.names[0].partition("=")[0]).inc()
            log.error("limits.lease_lost", names=list(held.names))
            held.lost.set()
