"""Hands over jobs that callers' transactions committed, as publishers hand over theirs (protocol rule 4).

A notification is a hint: what nobody heard of, because no process led or listened, is found by the sweep, by the promoter
and by the look at groups.
"""

from collections import Counter
from types import TracebackType
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.dispatch import Dispatch
from corral.errors import CorralError
from corral.maintenance.duties.promote import not_taken
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.store.jobs.transaction_jobs import NEW, JobNotices
from corral.waiting import wait_for_event

log = structlog.get_logger(__name__)

IDS_PER_READ = 2_000
RETRY_SECONDS = 1.0
"""Seconds after which a lost connection is opened again."""


class HandOverTransactionJobs(Duty):
    """The duty that listens for jobs of callers' transactions. It wakes when something is committed."""

    name = "transaction-jobs"
    period = 5.0

    def __init__(self, store: Store, dispatch: Dispatch) -> None:
        self._store = store
        self._enqueuer = Enqueuer(dispatch, not_taken)
        self._notices: JobNotices | None = None
        self._heard: dict[UUID, str] = {}

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop to listen."""
        await self._deaf()
        await self._enqueuer.close()

    async def round(self, reign: Reign) -> int:
        """Read what was heard of, and tell Redis."""
        del reign  # a hint twice does no harm
        if self._notices is None:
            self._notices = await self._store.transaction_jobs.listen()
        done = 0
        while self._heard:
            ids = list(self._heard)[:IDS_PER_READ]
            jobs = await self._store.transaction_jobs.read(ids)
            self._enqueuer.accepted([job.accepted for job in jobs])
            new = [job for job in jobs if self._heard[job.accepted.id] == NEW]
            for (queue, name), count in Counter((job.accepted.queue, job.type) for job in new).items():
                metrics.JOBS_SUBMITTED.labels(queue, name).inc(count)
            for one in ids:
                del self._heard[one]
            done += len(jobs)
        return done

    async def rest(self, seconds: float, reign: Reign) -> None:
        """Sleep until something is committed."""
        if self._notices is None:
            await wait_for_event(reign.over, min(seconds, RETRY_SECONDS))
            return
        try:
            for kind, job in await self._notices.heard(seconds):
                self._heard.setdefault(job, kind)
        except CorralError as error:
            log.warning("transaction_jobs.deaf", error=str(error), until="the connection is opened again")
            await self._deaf()
            await wait_for_event(reign.over, RETRY_SECONDS)

    async def _deaf(self) -> None:
        notices, self._notices = self._notices, None
        if notices is not None:
            await notices.close()
