"""Jobs that were not claimed in the time they gave are cancelled."""

import structlog

from corral.dispatch import Dispatch, JobsChanged
from corral.job.state import State
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store

log = structlog.get_logger(__name__)

BATCH = 1000


class Expire(Duty):
    """Claims refuse a job from its expiry on; this only makes it show."""

    name = "expire"
    period = 2.0

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._dispatch = dispatch

    async def round(self, reign: Reign) -> int:
        """Cancel all that have expired."""
        expired = 0
        while True:
            ids = await self._store.duties.expire(reign.term, BATCH)
            for job in ids:
                log.info("job.expired", job=str(job))
            if ids:
                await self._dispatch.events.publish(JobsChanged(State.CANCELLED, tuple(ids)))
            expired += len(ids)
            if len(ids) < BATCH:
                return expired
