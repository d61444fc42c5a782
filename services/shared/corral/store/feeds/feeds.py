"""Sources of feeds: added, paused, removed, and what a fetch says of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from corral.errors import NotFound
from corral.feeds.source import DEFAULT_INTERVAL, FeedSource, FetchOutcome, SourceState, SourceUpdate
from corral.ids import new_id
from corral.store.access.audit import record
from corral.store.postgres.connection import Row
from corral.store.postgres.database import DUTY, SHORT, Database, Params
from corral.store.postgres.sql_params import array, texts

COLUMNS = """id, url, title, site, format, state, paused_at, paused_by, interval_seconds, next_fetch_at, not_before, etag,
last_modified, digest, ttl_seconds, item_count, failures, last_fetched_at, last_success_at, last_status, last_error, created_at,
created_by"""
NAMES = [name.strip().removesuffix("_seconds") for name in COLUMNS.split(",")]
ONE = f"SELECT {COLUMNS} FROM corral.feed_sources WHERE id = %(id)s"
BY_URL = f"SELECT {COLUMNS} FROM corral.feed_sources WHERE url = %(url)s"
# By primary key, backwards: ids are in order of time.
PAGE = f"""
SELECT {COLUMNS} FROM corral.feed_sources
WHERE (%(before)s::uuid IS NULL OR id < %(before)s) AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(search)s::text IS NULL OR url ILIKE %(search)s OR title ILIKE %(search)s)
ORDER BY id DESC LIMIT %(limit)s
"""
ACTIVE = f"SELECT {COLUMNS} FROM corral.feed_sources WHERE state = 'active' ORDER BY id LIMIT %(limit)s"
# Somebody who names the address of a source that is gone wants it back; a paused one stays paused.
ADD = f"""
INSERT INTO corral.feed_sources AS s (id, url, title, interval_seconds, next_fetch_at, created_by)
SELECT i.id, i.url, i.title, %(interval)s, now() + %(due_in)s * interval '1 second', %(actor)s
FROM unnest(%(ids)s::uuid[], %(urls)s::text[], %(titles)s::text[]) AS i(id, url, title) ORDER BY i.url
ON CONFLICT (url) DO UPDATE SET state = CASE s.state WHEN 'gone' THEN 'active' ELSE s.state END,
    next_fetch_at = CASE s.state WHEN 'gone' THEN excluded.next_fetch_at ELSE s.next_fetch_at END
RETURNING {COLUMNS}
"""
PAUSE = f"""
UPDATE corral.feed_sources SET state = 'paused', paused_at = coalesce(paused_at, now()),
       paused_by = coalesce(paused_by, %(actor)s), next_fetch_at = NULL
WHERE id = %(id)s RETURNING {COLUMNS}
"""
RESUME = f"""
UPDATE corral.feed_sources SET state = 'active', paused_at = NULL, paused_by = NULL,
       next_fetch_at = greatest(now(), not_before), failures = CASE state WHEN 'gone' THEN 0 ELSE failures END
WHERE id = %(id)s RETURNING {COLUMNS}
"""
SET_INTERVAL = (
    f"UPDATE corral.feed_sources SET interval_seconds = %(interval)s WHERE id = %(id)s RETURNING {COLUMNS}"
)
REMOVE_ITEMS = """
DELETE FROM corral.feed_items WHERE source = %(id)s AND guid IN (
    SELECT guid FROM corral.feed_items WHERE source = %(id)s LIMIT %(limit)s
)
"""
REMOVE = "DELETE FROM corral.feed_sources WHERE id = %(id)s RETURNING url"
# An address that is another source's already is not taken: this one is gone then, and says where it is.
TAKEN = "SELECT id FROM corral.feed_sources WHERE url = %(url)s AND id <> %(id)s"


def spread(seconds: str, id: str) -> str:  # the domain's word
    """SQL of a wait in seconds and a part of it that is always the same for one source: a tenth, ten minutes at most.

    So sources of one interval do not come due together, and nobody is asked sooner than it wants. The last bits of an id
    are random.
    """
    return f"({seconds} + least(600, {seconds} / 10) * ('x' || right({id}::text, 8))::bit(32)::int8 / 4294967296.0)"


# What a person said meanwhile stays: a paused source stays paused, and is not due.
RECORD = f"""
UPDATE corral.feed_sources SET
    url = coalesce(%(url)s, url),
    title = CASE WHEN %(validators)s THEN coalesce(nullif(%(title)s, ''), title) ELSE title END,
    site = CASE WHEN %(validators)s THEN %(site)s ELSE site END,
    format = coalesce(%(format)s, format),
    state = CASE state WHEN 'paused' THEN state ELSE %(state)s END,
    etag = CASE WHEN %(validators)s THEN %(etag)s ELSE etag END,
    last_modified = CASE WHEN %(validators)s THEN %(last_modified)s ELSE last_modified END,
    digest = CASE WHEN %(validators)s THEN %(digest)s ELSE digest END,
    ttl_seconds = CASE WHEN %(validators)s THEN %(ttl)s ELSE ttl_seconds END,
    item_count = coalesce(%(item_count)s, item_count),
    failures = %(failures)s,
    last_fetched_at = CASE WHEN %(asked)s THEN now() ELSE last_fetched_at END,
    last_success_at = CASE WHEN %(good)s THEN now() ELSE last_success_at END,
    document_at = CASE WHEN %(read)s THEN now() ELSE document_at END,
    last_status = %(status)s,
    last_error = %(error)s,
    not_before = now() + %(leave_alone)s * interval '1 second',
    next_fetch_at = CASE state WHEN 'paused' THEN NULL ELSE now() + {spread("%(wait)s::float8", "id")} * interval '1 second' END
WHERE id = %(id)s
"""
# An item of the document is not stored after all: the same document is no reason to leave it so.
READ_ANEW = """
WITH mine AS (SELECT id FROM corral.feed_sources WHERE id = ANY(%(sources)s::uuid[]) ORDER BY id FOR NO KEY UPDATE)
UPDATE corral.feed_sources s SET etag = NULL, last_modified = NULL, digest = NULL FROM mine WHERE s.id = mine.id
"""
REMOVED_AT_ONCE = 5_000
MAX_AUDITED = 100
"""Feeds that one entry of the audit names; it counts all."""
IMPORT_SECONDS = 60.0
"""Seconds within which an import submits the jobs of its sources; after them the leader fetches those that are due."""
MAX_ACTIVE = 10_000
"""Sources that one import fetches where none is named."""
READ_AT_ONCE = 1_000


class Feeds:
    """Sources of feeds as rows. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        sources: Sequence[tuple[str, str]],
        actor: str,
        *,
        interval: float = DEFAULT_INTERVAL,
        due_in: float = IMPORT_SECONDS,
    ) -> list[FeedSource]:
        """Store sources by address and title, each once; those that are known are returned as they are.

        `due_in` is when the leader fetches them, in seconds; an import fetches them before.
        """
        titles = dict(reversed(sources))
        ids = [new_id() for _ in titles]
        params = {
            "ids": array(ids),
            "urls": texts(titles),
            "titles": texts(titles.values()),
            "interval": interval,
            "due_in": due_in,
            "actor": actor,
        }
        async with self._database.transaction(SHORT) as transaction:
            added = [source_of(row) for row in await transaction.rows(ADD, params)]
            made = set(ids)
            if new := [str(one.id) for one in added if one.id in made]:
                await record(
                    transaction,
                    actor,
                    "add",
                    kind="feed",
                    subjects=new[:MAX_AUDITED],
                    details={"feeds": len(new)},
                )
        by_url = {source.url: source for source in added}
        return [by_url[url] for url in dict.fromkeys(url for url, _ in sources)]

    async def get(self, id: UUID) -> FeedSource | None:
        """The source with this id."""
        rows = await self._database.run(ONE, {"id": id})
        return source_of(rows[0]) if rows else None

    async def find(self, url: str) -> FeedSource | None:
        """The source with this address."""
        rows = await self._database.run(BY_URL, {"url": url})
        return source_of(rows[0]) if rows else None

    async def page(
        self,
        *,
        before: UUID | None = None,
        state: SourceState | None = None,
        search: str | None = None,
        limit: int = 50,
    ) -> list[FeedSource]:
        """Sources, newest first, those after the source `before`; `search` is part of an address or a title."""
        params = {"before": before, "state": state, "search": like(search), "limit": limit}
        return [source_of(row) for row in await self._database.run(PAGE, params)]

    async def active(self) -> list[FeedSource]:
        """Every source that is fetched, at most `MAX_ACTIVE` and one more: so that nobody takes a part for all."""
        return [source_of(row) for row in await self._database.run(ACTIVE, {"limit": MAX_ACTIVE + 1})]

    async def all_active(self) -> list[FeedSource]:
        """Every source that is fetched, however many there are, newest first."""
        found: list[FeedSource] = []
        before = None
        while page := await self.page(before=before, state=SourceState.ACTIVE, limit=READ_AT_ONCE):
            found += page
            before = page[-1].id
        return found

    async def pause(self, id: UUID, actor: str) -> FeedSource:
        """Pause the source: it is not fetched until it is resumed.

        Raises:
            NotFound: there is no such source.
        """
        return await self._change(PAUSE, id, actor, "pause")

    async def resume(self, id: UUID, actor: str) -> FeedSource:
        """Have the source fetched again, also one that is gone.

        Raises:
            NotFound: there is no such source.
        """
        return await self._change(RESUME, id, actor, "resume")

    async def set_interval(self, id: UUID, seconds: float, actor: str) -> FeedSource:
        """Set the seconds between two fetches.

        Raises:
            NotFound: there is no such source.
        """
        return await self._change(SET_INTERVAL, id, actor, "patch", interval=seconds)

    async def remove(self, id: UUID, actor: str) -> None:
        """Remove the source and its items, in pieces.

        Raises:
            NotFound: there is no such source.
        """
        await self._change(PAUSE, id, actor, "delete")
        while await self._removed(id) == REMOVED_AT_ONCE:
            pass
        async with self._database.transaction(DUTY) as transaction:
            await transaction.count(REMOVE_ITEMS, {"id": id, "limit": REMOVED_AT_ONCE})
            await transaction.rows(REMOVE, {"id": id})

    async def recording(self, id: UUID, update: SourceUpdate) -> list[tuple[str, Params]]:
        """The statements that store what a fetch says of its source."""
        if (
            update.outcome is FetchOutcome.SKIPPED
        ):  # nothing was asked, and a person may have resumed it meanwhile
            return []
        url, state, error = update.url, update.state, update.error
        if url is not None and (other := await self._database.run(TAKEN, {"url": url, "id": id})):
            url, state = None, SourceState.GONE
            error = f"it moved to {update.url}, which is source {other[0][0]} already"
        asked = update.outcome is not FetchOutcome.POSTPONED
        params = {
            "id": id,
            "url": url,
            "title": update.title,
            "site": update.site,
            "format": update.format,
            "state": state,
            "etag": update.etag,
            "last_modified": update.last_modified,
            "digest": update.digest,
            "ttl": update.ttl,
            "item_count": update.item_count,
            "validators": update.validators,
            "failures": update.failures,
            "asked": asked,
            "good": asked and update.error is None,
            "read": update.outcome is FetchOutcome.FETCHED,
            "status": update.status,
            "error": error,
            "leave_alone": update.leave_alone,
            "wait": None if state is SourceState.GONE else update.wait,
        }
        return [(RECORD, params)]

    async def _removed(self, id: UUID) -> int:
        async with self._database.transaction(DUTY) as transaction:
            return await transaction.count(REMOVE_ITEMS, {"id": id, "limit": REMOVED_AT_ONCE})

    async def _change(self, statement: str, id: UUID, actor: str, action: str, **details: Any) -> FeedSource:
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(statement, {"id": id, "actor": actor, **details})
            if not rows:
                raise NotFound("feed", id)
            await record(transaction, actor, action, kind="feed", subjects=[str(id)], details=details)
        return source_of(rows[0])


def source_of(row: Row) -> FeedSource:
    """The source in a row."""
    values = dict(zip(NAMES, row, strict=True))
    return FeedSource(**(values | {"state": SourceState(values["state"])}))


def like(search: str | None) -> str | None:
    """The pattern of a text that is looked for anywhere."""
    if not search:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
