"""Queues scheduled jobs when they become due, so that a delayed job starts within 250 ms of its time.

While somebody holds a snapshot, the index of scheduled jobs keeps an entry of each that was queued since, before
all that are still to come. Then the beginning of the index is read less often, and in between only what is due
since shortly before the earliest that was found. A job whose row shows up below that (its transaction took longer
than SLACK_SECONDS, or moved its time into the past) is queued when the beginning is read again: a minute later at
most, and at once where nothing is held.
"""

import time
from collections.abc import Callable, Sequence

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.dispatch import AnyEntry, Dispatch, entry_of
from corral.dispatch.hints import PROMOTER_SLEEP_SECONDS
from corral.errors import CorralError, Unavailable
from corral.job.state import State
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.query_budget import QueryBudget
from corral.store import Store
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

JOBS_PER_STATEMENT = 1000
SHORTEST_REST_SECONDS = 0.02
"""Shortest time between two rounds, however many hints arrive: fifty rounds a second at most."""
SHARE, FREE = 0.05, 0.01
"""The share of time for reading the beginning of the index, where that takes long."""
SLACK_SECONDS = 5.0
"""So much before the earliest job that was found, or before the moment of the look, others may still show up."""


class Promote(Duty):
    """The duty that queues due jobs. It sleeps until the next one is due or a hint arrives, for a second at most."""

    name = "promote"
    period = PROMOTER_SLEEP_SECONDS

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        *,
        share: float = SHARE,
        free: float = FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._enqueuer = Enqueuer(dispatch, not_taken, at_once=True)
        self._clock = clock
        self._due_at: float | None = None
        self._hinted = False
        """Whether somebody said since the last round that something is due."""
        self._pace = QueryBudget(share, free=free, clock=clock)
        self._floor: float | None = None
        """Monotonic seconds: every job due before then was queued. None before the first round."""

    async def round(self, reign: Reign) -> int:
        """Queue all due jobs, then read when the next one is due; nothing while none is due soon."""
        promoted = 0
        if not self.anything_found() and not self._hinted and not self._comes_due():
            return 0
        self._hinted = False
        while (due := await self._next_due()) is not None and due <= 0:
            queued = await self._store.duties.promote(reign.term, JOBS_PER_STATEMENT, within=self._within())
            if queued:
                await self._enqueuer.enqueue([entry_of(job.lane, job.id, job.limit_group) for job in queued])
                self._enqueuer.changed(State.QUEUED, [job.id for job in queued])
            promoted += len(queued)
            if not queued:  # held by another transaction, which will be over
                due = SHORTEST_REST_SECONDS
                break
        self._due_at = None if due is None else time.monotonic() + due
        return promoted

    def failed(self) -> None:
        """Look again, whatever is known."""
        self._hinted = True

    def _comes_due(self) -> bool:
        return self._due_at is not None and time.monotonic() >= self._due_at - SHORTEST_REST_SECONDS

    async def _next_due(self) -> float | None:
        began = self._clock()
        if self._floor is not None and not self._pace.due:
            due = await self._store.duties.next_due(within=self._within())
        else:
            with self._pace.asked():
                due = await self._store.duties.next_due()
        self._floor = began + min(due or 0.0, 0.0) - SLACK_SECONDS
        return due

    def _within(self) -> float | None:
        """The greatest possible age of a due job that is not queued yet; None where it is not known."""
        return None if self._floor is None else self._clock() - self._floor

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Sleep until a job is due."""
        began = time.monotonic()
        if self._due_at is not None:
            seconds = min(seconds, max(self._due_at - began, SHORTEST_REST_SECONDS))
        try:
            self._hinted = await self._dispatch.hints.wait_due(seconds)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("wait_due").inc()
            await wait_for_event(reign.over, max(0.0, seconds - (time.monotonic() - began)))
        await wait_for_event(reign.over, max(0.0, SHORTEST_REST_SECONDS - (time.monotonic() - began)))


def not_taken(entries: Sequence[AnyEntry], error: CorralError) -> None:
    """Log entries that Redis did not take. The sweep enqueues them later."""
    metrics.REDIS_ERRORS.labels("enqueue").inc()
    log.warning("maintenance.not_enqueued", jobs=[str(entry.id) for entry in entries], error=str(error))
