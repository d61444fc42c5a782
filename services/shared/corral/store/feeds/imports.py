"""Imports: which sources, what they wait for, and their counts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.feeds.feed_import import FeedImport, ImportedSource
from corral.feeds.source import FeedSource, SourceUpdate
from corral.store.access.audit import record
from corral.store.feeds.feeds import IMPORT_SECONDS, READ_ANEW, Feeds
from corral.store.postgres.connection import Row
from corral.store.postgres.database import DUTY, SHORT, Database
from corral.store.postgres.sql_params import array, texts

COLUMNS = """id, created_by, started_at, finished_at, sources, pending_sources, pending_items, new_items,
updated_items, unchanged_items, skipped_items, failed_items"""
NAMES = [name.strip().removesuffix("_items") for name in COLUMNS.split(",")]
NAMES[6] = "pending_items"
START = """
INSERT INTO corral.imports (id, created_by, sources, pending_sources) VALUES (%(id)s, %(actor)s, %(count)s, %(count)s)
"""
SOURCES = """
INSERT INTO corral.import_sources (import, source, url)
SELECT %(id)s, i.source, i.url FROM unnest(%(sources)s::uuid[], %(urls)s::text[]) AS i(source, url)
"""
NOTE_JOBS = """
UPDATE corral.import_sources s SET job = i.job
FROM unnest(%(sources)s::uuid[], %(jobs)s::uuid[]) AS i(source, job)
WHERE s.import = %(id)s AND s.source = i.source AND s.job IS NULL
"""
# The leader leaves alone what an import fetches: a while until its jobs are stored, and then as long as they live.
RESERVE = """
WITH mine AS (SELECT id FROM corral.feed_sources WHERE id = ANY(%(sources)s::uuid[]) ORDER BY id FOR UPDATE)
UPDATE corral.feed_sources s SET next_fetch_at = greatest(s.next_fetch_at, now() + %(seconds)s * interval '1 second')
FROM mine WHERE s.id = mine.id AND s.state = 'active'
"""
FETCHED_BY = """
WITH mine AS (SELECT id FROM corral.feed_sources WHERE id = ANY(%(sources)s::uuid[]) ORDER BY id FOR UPDATE)
UPDATE corral.feed_sources s SET fetch_job = i.job
FROM mine JOIN unnest(%(sources)s::uuid[], %(jobs)s::uuid[]) AS i(source, job) ON i.source = mine.id
WHERE s.id = mine.id
"""
ONE = f"SELECT {COLUMNS} FROM corral.imports WHERE id = %(id)s"
# By primary key, backwards: ids are in order of time.
PAGE = f"""
SELECT {COLUMNS} FROM corral.imports WHERE %(before)s::uuid IS NULL OR id < %(before)s
ORDER BY id DESC LIMIT %(limit)s
"""
THEIRS = """
SELECT source, url, job, outcome, error FROM corral.import_sources WHERE import = %(id)s
ORDER BY source LIMIT %(limit)s
"""
EXPECT = """
WITH waiting AS (
    INSERT INTO corral.import_items (import, source, guid)
    SELECT %(id)s, %(source)s, unnest(%(guids)s::text[]) ON CONFLICT DO NOTHING RETURNING guid
)
UPDATE corral.imports SET pending_items = pending_items + (SELECT count(*) FROM waiting)
WHERE id = %(id)s AND finished_at IS NULL
"""
NOTE_ITEM_JOBS = """
UPDATE corral.import_items w SET job = i.job FROM unnest(%(guids)s::text[], %(jobs)s::uuid[]) AS i(guid, job)
WHERE w.import = %(id)s AND w.source = %(source)s AND w.guid = i.guid
"""
# The row of the import is locked in the statement that commits: all of its sources and batches wait for it.
DONE = """
WITH done AS (
    UPDATE corral.import_sources SET outcome = %(outcome)s, error = %(error)s
    WHERE import = %(id)s AND source = %(source)s AND outcome IS NULL
    RETURNING import
)
UPDATE corral.imports i SET pending_sources = pending_sources - 1, unchanged_items = unchanged_items + %(unchanged)s,
    skipped_items = skipped_items + %(skipped)s,
    finished_at = CASE WHEN pending_sources = 1 AND pending_items = 0 THEN now() ELSE finished_at END
FROM done WHERE i.id = done.import
"""
# A job that ended otherwise than by its handler: its worker died too often, somebody cancelled or removed it, or the
# publisher died before it was submitted. Each job is looked up by its id: an import of 10,000 sources is new to the planner,
# which would go through a join in a hundred million steps.
LOST_SOURCES = """
UPDATE corral.import_sources s SET outcome = 'failed', error = CASE WHEN s.job IS NULL THEN 'its job was never submitted'
    ELSE 'the job that fetches it ' || coalesce((SELECT state FROM corral.jobs WHERE id = s.job), 'was removed') END
FROM corral.imports i
WHERE i.id = %(id)s AND s.import = i.id AND s.outcome IS NULL
  AND CASE WHEN s.job IS NULL THEN i.started_at < now() - interval '5 minutes'
           ELSE coalesce((SELECT state FROM corral.jobs WHERE id = s.job), 'failed') IN ('completed', 'failed', 'cancelled') END
RETURNING s.source
"""
LOST_ITEMS = """
DELETE FROM corral.import_items w USING corral.import_sources s
WHERE s.import = %(id)s AND w.import = s.import AND w.source = s.source
  AND CASE WHEN w.job IS NULL THEN s.outcome IS NOT NULL
           ELSE coalesce((SELECT state FROM corral.jobs WHERE id = w.job), 'failed') IN ('completed', 'failed', 'cancelled') END
RETURNING w.source
"""
COUNT_LOST = """
UPDATE corral.imports SET pending_sources = pending_sources - %(sources)s, pending_items = pending_items - %(items)s,
    failed_items = failed_items + %(items)s,
    finished_at = CASE WHEN pending_sources = %(sources)s AND pending_items = %(items)s THEN now() END
WHERE id = %(id)s
"""
MAX_SOURCES = 10_000


class Imports:
    """Imports as rows. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database, feeds: Feeds) -> None:
        self._database = database
        self._feeds = feeds

    async def start(self, id: UUID, sources: Sequence[FeedSource], actor: str) -> None:
        """Store an import of these sources, with an id that the caller made."""
        params = {
            "id": id,
            "actor": actor,
            "count": len(sources),
            "sources": array(source.id for source in sources),
            "urls": texts(source.url for source in sources),
        }
        async with self._database.transaction(SHORT) as transaction:
            await transaction.count(START, params)
            await transaction.count(SOURCES, params)
            await transaction.count(RESERVE, params | {"seconds": IMPORT_SECONDS})
            await record(
                transaction,
                actor,
                "start",
                kind="import",
                subjects=[str(id)],
                details={"sources": len(sources)},
            )

    async def note_jobs(self, id: UUID, jobs: Mapping[UUID, UUID]) -> None:
        """Store which job fetches which source."""
        params = {"id": id, "sources": array(jobs), "jobs": array(jobs.values())}
        async with self._database.transaction(SHORT) as transaction:
            await transaction.count(FETCHED_BY, params)  # first, as in `fetched`, which may run meanwhile
            await transaction.count(NOTE_JOBS, params)

    async def get(self, id: UUID) -> FeedImport | None:
        """The import as it is now. Sources and items whose jobs were lost are counted as failed first."""
        rows = await self._database.run(ONE, {"id": id})
        if rows and rows[0][3] is None and await self._settle(id):
            rows = await self._database.run(ONE, {"id": id})
        return import_of(rows[0]) if rows else None

    async def page(self, *, before: UUID | None = None, limit: int = 50) -> list[FeedImport]:
        """Imports, newest first, those after the import `before`."""
        params = {"before": before, "limit": limit}
        return [import_of(row) for row in await self._database.run(PAGE, params)]

    async def sources(self, id: UUID, limit: int = MAX_SOURCES) -> list[ImportedSource]:
        """The sources of an import, and what came of each."""
        names = ("source", "url", "job", "outcome", "error")
        rows = await self._database.run(THEIRS, {"id": id, "limit": limit})
        return [ImportedSource(**dict(zip(names, row, strict=True))) for row in rows]

    async def expect(self, id: UUID, source: UUID, guids: Sequence[str]) -> None:
        """Have the import wait for these items of a source; those for which it waits already count once."""
        await self._database.run(EXPECT, {"id": id, "source": source, "guids": texts(guids)}, limits=DUTY)

    async def note_item_jobs(self, id: UUID, source: UUID, jobs: Mapping[str, UUID]) -> None:
        """Store which job stores which item."""
        params = {"id": id, "source": source, "guids": texts(jobs), "jobs": array(jobs.values())}
        await self._database.run(NOTE_ITEM_JOBS, params, limits=DUTY)

    async def fetched(
        self,
        source: UUID,
        update: SourceUpdate | None,
        id: UUID | None,
        *,
        unchanged: int = 0,
        skipped: int = 0,
    ) -> None:
        """Store what a fetch says of its source, and count it in the import `id`, where it is part of one.

        `update` is None where there is no source any more.
        """
        steps = [] if update is None else await self._feeds.recording(source, update)
        if id is not None:
            params = {
                "id": id,
                "source": source,
                "outcome": "skipped" if update is None else update.outcome,
                "error": "it was removed" if update is None else update.error,
                "unchanged": unchanged,
                "skipped": skipped,
            }
            steps.append((DONE, params))
        if steps:
            await self._database.together(*steps, limits=DUTY)

    async def _settle(self, id: UUID) -> bool:
        async with self._database.transaction(DUTY) as transaction:
            sources = len(await transaction.rows(LOST_SOURCES, {"id": id}))
            lost = [source for (source,) in await transaction.rows(LOST_ITEMS, {"id": id})]
            items = len(lost)
            if sources or items:
                await transaction.count(COUNT_LOST, {"id": id, "sources": sources, "items": items})
        if lost:
            await self._database.run(READ_ANEW, {"sources": array(set(lost))}, limits=DUTY)
        return bool(sources or items)


def import_of(row: Row) -> FeedImport:
    """The import in a row."""
    return FeedImport(**dict(zip(NAMES, row, strict=True)))
