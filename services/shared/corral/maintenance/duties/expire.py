"""Cancels jobs that were not claimed before they expired."""

import time
from collections.abc import Callable

import structlog

from corral.dispatch import Dispatch, JobsChanged
from corral.job.state import State
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.query_budget import QueryBudget
from corral.store import Store

log = structlog.get_logger(__name__)

JOBS_PER_STATEMENT = 1000
SHARE, FREE = 0.05, 0.1
"""The share of time for rounds where they take long; there is at least one a minute."""


class Expire(Duty):
    """The duty that cancels expired jobs. Claims refuse them already before that."""

    name = "expire"
    period = 2.0

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
        self._pace = QueryBudget(share, free=free, clock=clock)

    async def round(self, reign: Reign) -> int:
        """Cancel all expired jobs."""
        expired = 0
        while self._pace.due or expired:
            with self._pace.asked():
                ids = await self._store.duties.expire(reign.term, JOBS_PER_STATEMENT)
            for job in ids:
                log.info("job.expired", job=str(job))
            if ids:
                await self._dispatch.events.publish(JobsChanged(State.CANCELLED, tuple(ids)))
            expired += len(ids)
            if len(ids) < JOBS_PER_STATEMENT:
                break
        return expired
