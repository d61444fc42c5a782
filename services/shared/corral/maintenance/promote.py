"""Due jobs are queued: a delayed job starts within 250 ms of its time."""

import time

import structlog

from corral import metrics
from corral.dispatch import Dispatch, Entry, JobsChanged
from corral.dispatch.hints import PROMOTER_SLEEP_SECONDS
from corral.errors import Unavailable
from corral.job.state import State
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign, pause
from corral.store import Store

log = structlog.get_logger(__name__)

BATCH = 1000
SHORTEST_REST_SECONDS = 0.02
"""However often it is woken: so many hints cost no more than fifty rounds a second."""


class Promote(Duty):
    """Sleeps until the next job is due, or a hint says that one is due sooner; never over a second."""

    name = "promote"
    period = PROMOTER_SLEEP_SECONDS

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch
        self._due_at: float | None = None

    async def round(self, reign: Reign) -> int:
        """Queue all that is due, then ask when the next is."""
        promoted = 0
        while (due := await self._store.duties.next_due()) is not None and due <= 0:
            queued = await self._store.duties.promote(reign.term, BATCH)
            await queue(self._dispatch, [Entry(job.lane, job.id) for job in queued])
            promoted += len(queued)
            if not queued:  # held by another transaction, which will be over
                due = SHORTEST_REST_SECONDS
                break
        self._due_at = None if due is None else time.monotonic() + due
        return promoted

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Sleep until something is due."""
        began = time.monotonic()
        if self._due_at is not None:
            seconds = min(seconds, max(self._due_at - began, SHORTEST_REST_SECONDS))
        try:
            await self._dispatch.wait_due(seconds)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("wait_due").inc()
            await pause(reign.over, max(0.0, seconds - (time.monotonic() - began)))
        await pause(reign.over, max(0.0, SHORTEST_REST_SECONDS - (time.monotonic() - began)))


async def queue(dispatch: Dispatch, entries: list[Entry]) -> None:
    """Hand freshly queued jobs to Redis and say so; without Redis the sweep does, later."""
    if not entries:
        return
    try:
        await dispatch.enqueue(entries)
    except Unavailable as error:
        metrics.REDIS_ERRORS.labels("enqueue").inc()
        log.warning("maintenance.not_enqueued", jobs=[str(entry.id) for entry in entries], error=str(error))
    await dispatch.events.publish(JobsChanged(State.QUEUED, tuple(entry.id for entry in entries)))
