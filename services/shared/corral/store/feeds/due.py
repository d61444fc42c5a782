"""Sources of feeds that are due: read for the leader, and each given the one job that fetches it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.job.job import Accepted, NewJob
from corral.store.feeds.feeds import spread
from corral.store.jobs.insert import insert_within
from corral.store.jobs.shaping import moment
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import DUTY, Database
from corral.store.postgres.sql_params import array

# Through feed_sources_due.
DUE = """
SELECT id, url, next_fetch_at, now() FROM corral.feed_sources
WHERE state = 'active' AND next_fetch_at <= now() ORDER BY next_fetch_at LIMIT %(limit)s
"""
WAIT = """greatest(60, s.interval_seconds, CASE WHEN s.failures + looked.lost > 0
        THEN least(86400, s.interval_seconds * 2 ^ least(s.failures + looked.lost, 20)) END)"""
# Whoever is looked at is due again later, whatever comes of this: a fetch that ends says itself when, one that is lost
# says nothing. One whose job lives gets no second one. A job that failed has said nothing of its source, as one that kills
# its worker: it counts as a failed fetch, so that the wait doubles.
ASSIGN = """
WITH looked AS (
    SELECT s.id, i.job, coalesce(j.state, 'removed') AS before, coalesce(j.state = 'failed', false)::integer AS lost
    FROM corral.feed_sources s
    JOIN unnest(%(sources)s::uuid[], %(jobs)s::uuid[]) AS i(source, job) ON i.source = s.id
    LEFT JOIN corral.jobs j ON j.id = s.fetch_job
    WHERE s.state = 'active' AND s.next_fetch_at <= now()
    ORDER BY s.id FOR UPDATE OF s
)
UPDATE corral.feed_sources s SET
    fetch_job = CASE WHEN {ended} THEN looked.job ELSE s.fetch_job END,
    failures = s.failures + looked.lost,
    last_error = CASE looked.lost WHEN 1 THEN 'the job that fetches it failed' ELSE s.last_error END,
    next_fetch_at = now() + interval '1 second' * {wait}
FROM looked WHERE s.id = looked.id
RETURNING CASE WHEN {ended} THEN looked.job END
""".format(
    ended="looked.before IN ('removed', 'completed', 'failed', 'cancelled')", wait=spread(WAIT, "s.id")
)
PUT_OFF = f"""
UPDATE corral.feed_sources SET next_fetch_at = now() + {spread("interval_seconds", "id")} * interval '1 second', last_error = %(why)s
WHERE id = %(source)s AND state = 'active' AND next_fetch_at <= now()
"""
COUNTS = """
SELECT count(*) FILTER (WHERE state = 'active' AND failures = 0), count(*) FILTER (WHERE state = 'active' AND failures > 0),
       count(*) FILTER (WHERE state = 'paused'), count(*) FILTER (WHERE state = 'gone'),
       count(*) FILTER (WHERE state = 'active' AND next_fetch_at <= now())
FROM corral.feed_sources
"""
# One that is due has no job yet; one that is being fetched is due again after its interval, however long its job waits.
OVERDUE = """
SELECT greatest(0, date_part('epoch', now() - least(min(s.next_fetch_at), min(j.created_at))))::float8
FROM corral.feed_sources s LEFT JOIN LATERAL (
    SELECT l.created_at, l.state FROM corral.jobs l WHERE l.id = s.fetch_job OFFSET 0
) j ON j.state IN ('blocked', 'scheduled', 'queued', 'running')
WHERE s.state = 'active'
"""


@dataclass(frozen=True, slots=True)
class DueFeed:
    """A source whose time has come."""

    id: UUID
    url: str
    due_at: datetime
    now: datetime
    """The clock of the database, when it was read."""


class DueFeeds:
    """Reads which sources are due, and stores their jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, limit: int) -> list[DueFeed]:
        """Sources that are due, the longest first.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(DUE, {"limit": limit}, limits=DUTY)
        return [DueFeed(id, url, moment(due), moment(now)) for id, url, due, now in rows]

    async def assign(self, term: Term, jobs: Mapping[UUID, NewJob]) -> list[Accepted]:
        """Store a job for each of these sources that is still due and that no job fetches; those that were stored.

        Raises:
            LeaseLost: nothing was stored.
            InvalidInput, LimitFull: a job is refused; nothing was stored.
        """
        params = {"sources": array(jobs), "jobs": array(job.id for job in jobs.values())}
        async with as_leader(self._database, term) as transaction:
            mine = {row[0] for row in await transaction.rows(ASSIGN, params)}
            return await insert_within(transaction, [job for job in jobs.values() if job.id in mine])

    async def put_off(self, term: Term, source: UUID, why: str) -> None:
        """Look at the source again after its interval, and show why its job was not stored.

        Raises:
            LeaseLost: nothing was changed.
        """
        async with as_leader(self._database, term) as transaction:
            await transaction.count(PUT_OFF, {"source": source, "why": why[:1_000]})

    async def overdue(self) -> float:
        """Seconds since the feed was due that has waited longest for its fetch to end; 0 where none waits.

        Raises:
            Unavailable: Postgres is away.
        """
        [[seconds]] = await self._database.run(OVERDUE, limits=DUTY)
        return float(seconds or 0)

    async def counts(self) -> dict[str, int]:
        """How many sources are active, failing, paused or gone; and of the first two, due.

        Raises:
            Unavailable: Postgres is away.
        """
        [row] = await self._database.run(COUNTS, limits=DUTY)
        return dict(zip(("active", "failing", "paused", "gone", "due"), map(int, row), strict=True))
