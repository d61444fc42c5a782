"""Starts the fetches of feeds that are due: one job for each, whoever leads (protocol rule 41)."""

import asyncio
import time
from collections.abc import Callable, Mapping
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.feed_imports import fetch_of
from corral.actions.submissions.submit import count_refusals
from corral.dispatch import Dispatch
from corral.errors import InvalidInput
from corral.job.job import NewJob
from corral.maintenance.leadership import Reign
from corral.maintenance.submitting_duty import SubmittingDuty
from corral.refusals import LimitFull
from corral.settings import Settings
from corral.store import Store
from corral.store.feeds.due import DueFeed

log = structlog.get_logger(__name__)

ACTOR = "feeds"
"""Who submits the fetch of a feed that is due."""
AT_ONCE = 500
"""Sources of one transaction."""
PER_TURN = 25
"""Jobs that are made before other duties get a turn."""
COUNT_SECONDS = 15.0
"""Seconds between two looks at all sources, for the metrics."""


class FeedDuty(SubmittingDuty):
    """The duty that submits a job for each feed that is due. An installation without feeds costs one look."""

    name = "feeds"
    period = 1.0
    longest_rest = COUNT_SECONDS

    def __init__(
        self,
        store: Store,
        dispatch: Dispatch,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(store, dispatch, settings, clock=clock)
        self._count_at = clock()

    async def round(self, reign: Reign) -> int:
        """Submit the fetches that are due; how many."""
        submitted = 0
        while due := await self._store.due_feeds.due(AT_ONCE):
            jobs = {}
            for at, one in enumerate(due):
                jobs[one.id] = await self._submitter.prepare(fetch_of(one.id, one.url, ACTOR))
                if at % PER_TURN == PER_TURN - 1:
                    await asyncio.sleep(0)
            taken = await self._assigned(reign, jobs)
            self._observe([one for one in due if jobs[one.id].id in taken])
            submitted += len(taken)
            if len(due) < AT_ONCE:
                break
        if self._clock() >= self._count_at:
            self._count_at = self._clock() + COUNT_SECONDS
            await self._count()
        return submitted

    async def _assigned(self, reign: Reign, jobs: Mapping[UUID, NewJob]) -> set[UUID]:
        """Store jobs; the ids of those that were. One that is refused does not keep the others out."""
        try:
            accepted = await self._store.due_feeds.assign(reign.term, jobs)
        except (InvalidInput, LimitFull) as error:
            if len(jobs) > 1:
                alone = [await self._assigned(reign, {source: job}) for source, job in jobs.items()]
                return set().union(*alone)
            if isinstance(error, LimitFull):
                count_refusals(error)
            [source] = jobs
            await self._store.due_feeds.put_off(reign.term, source, f"its job was refused: {error}")
            log.warning("feed.not_submitted", source=str(source), reason=str(error))
            return set()
        taken = {one.id for one in accepted}
        self._submitter.told([job for job in jobs.values() if job.id in taken], accepted)
        if taken:
            log.info("feeds.submitted", sources=len(taken))
        return taken

    def _observe(self, due: list[DueFeed]) -> None:
        for one in due:
            metrics.FEED_LATENESS.observe(max(0.0, (one.now - one.due_at).total_seconds()))

    async def _count(self) -> None:
        counts = await self._store.due_feeds.counts()
        for health, count in counts.items():
            metrics.FEED_SOURCES.labels(health).set(count)
        metrics.FEED_OVERDUE.set(await self._store.due_feeds.overdue())
