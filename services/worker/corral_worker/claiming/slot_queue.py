"""Jobs that a claim took beyond the free slots: each begins as soon as one is free, within a moment, or is put back (rule 15)."""

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from corral import metrics
from corral.errors import Unavailable
from corral.job.job import Claimed
from corral.store.attempts.claims import Claims
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.attempts.outcomes import Stop
from corral_worker.claiming.claim_ahead import HOLD_SECONDS
from corral_worker.claiming.slots import Slots

log = structlog.get_logger(__name__)

IDLE_TURNS = 2
"""Turns of the event loop without a free slot after which nothing waits any longer: the handlers did not end at once."""


class SlotQueue:
    """Lets jobs wait for slots, one claim's at a time. Belongs to the event loop, within the claim loop."""

    def __init__(
        self,
        claims: Claims,
        executor: AttemptExecutor,
        attempts: HeldAttempts,
        announcements: Announcements,
        *,
        slots: Slots,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._claims = claims
        self._executor = executor
        self._attempts = attempts
        self._announcements = announcements
        self._slots = slots
        self._hold_seconds = hold_seconds

    async def run(
        self,
        worker: UUID,
        claim: UUID,
        jobs: Sequence[Claimed],
        may_begin: Callable[[], bool],
        give_up: Callable[[], bool],
    ) -> list[Claimed]:
        """Begin these jobs as slots become free, as long as `may_begin`; those that were put back.

        While Postgres is away it waits, until `give_up` says so.
        """
        if not jobs:
            return []
        waiting = [self._executor.hold(job) for job in jobs]
        self._slots.waiting = len(waiting)
        try:
            waiting = await self._begin(waiting, may_begin)
        finally:
            self._slots.waiting = 0
        if not waiting:
            return []
        return await self._put_back(worker, claim, waiting, give_up)

    async def _begin(self, waiting: list[Execution], may_begin: Callable[[], bool]) -> list[Execution]:
        """Begin them in their order, as many with each turn of the loop as have a slot; those that did not begin."""
        until, idle = time.monotonic() + self._hold_seconds, 0
        while waiting and idle < IDLE_TURNS and time.monotonic() < until:
            await asyncio.sleep(0)
            if not may_begin() or any(one.stop is Stop.LOST for one in waiting):
                break
            free = self._slots.free_on_loop
            idle = 0 if free > 0 else idle + 1
            if free > 0:
                now, waiting = waiting[:free], waiting[free:]
                self._slots.waiting = len(waiting)
                self._announcements.claimed(self._executor.begin(now))
        return waiting

    async def _put_back(
        self, worker: UUID, claim: UUID, waiting: Sequence[Execution], give_up: Callable[[], bool]
    ) -> list[Claimed]:
        """Put back what did not begin. What somebody cancelled meanwhile ends as that, without a call of its handler."""
        back = [one for one in waiting if one.stop is not Stop.CANCEL]
        staying = await self._stay(worker, claim, [one.claimed.id for one in back], give_up)
        ending = [one for one in waiting if one.stop is Stop.CANCEL]
        returned: list[Claimed] = []
        for one in back:
            if staying is None or one.claimed.id in staying:
                self._executor.stop(one, Stop.RELEASE if staying is None else Stop.CANCEL)
                ending.append(one)
            else:
                self._attempts.put_back(one)
                returned.append(one.claimed)
                metrics.RETURNED.labels(one.claimed.queue).inc()
        self._executor.begin(ending)
        return returned

    async def _stay(
        self, worker: UUID, claim: UUID, ids: Sequence[UUID], give_up: Callable[[], bool]
    ) -> set[UUID] | None:
        """Those of these jobs that were not put back, because of a cancel; None if nobody knows what became of them.

        Nothing else is claimed before that is known: what is back might be claimed here again.
        """
        waits = doubling(*POSTGRES_RETRY_SECONDS)
        while ids:
            try:
                return await self._claims.put_back(worker, claim, ids)
            except Unavailable as error:
                log.warning("claim.not_put_back", jobs=len(ids), error=str(error))
                if give_up():
                    return None
                await asyncio.sleep(next(waits))
        return set()
