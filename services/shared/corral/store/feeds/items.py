"""Items of feeds: stored once each, changed only by newer content, and counted in the import that waits for them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.feeds.item import ItemOutcome, KnownItem, NewFeedItem, StoredFeedItem
from corral.ids import new_id
from corral.store.feeds.feeds import READ_ANEW, like
from corral.store.postgres.database import DUTY, Database
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import array, texts

ItemKey = tuple[UUID, str]
"""Source and guid."""
COLUMNS = "id, source, guid, title, link, published_at, created_at, changed_at, data"
KNOWN = """
SELECT guid, hash, fingerprint, listed_at > now() - interval '1 day' FROM corral.feed_items
WHERE source = %(source)s AND guid = ANY(%(guids)s::text[])
"""
# Within a day it is not noted again: most items are listed by every document for weeks.
LIST = """
WITH mine AS (
    SELECT f.guid, i.fingerprint
    FROM unnest(%(guids)s::text[], %(fingerprints)s::text[]) AS i(guid, fingerprint)
    JOIN corral.feed_items f ON f.source = %(source)s AND f.guid = i.guid
    ORDER BY f.guid FOR NO KEY UPDATE OF f
)
UPDATE corral.feed_items f SET fingerprint = mine.fingerprint, listed_at = now() FROM mine
WHERE f.source = %(source)s AND f.guid = mine.guid
"""
# Every import that waits for an item counts it, whichever of them made its job. One that waits no more was counted before:
# an attempt that is repeated counts nothing. The import's row is locked last, in the statement that commits: all batches of
# an import wait for it, so nobody holds it while a client is asked. `next` has a row for each item and its outcome.
COUNT = """
arrived AS (
    DELETE FROM corral.import_items w USING next n WHERE w.source = n.source AND w.guid = n.guid
    RETURNING w.import, n.outcome
), counts AS MATERIALIZED (
    SELECT import, count(*) AS all, count(*) FILTER (WHERE outcome = 'new') AS new,
           count(*) FILTER (WHERE outcome = 'updated') AS updated,
           count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged, count(*) FILTER (WHERE outcome = 'failed') AS failed
    FROM arrived GROUP BY import
), locked AS MATERIALIZED (
    SELECT i.id FROM corral.imports i WHERE i.id IN (SELECT import FROM counts) ORDER BY i.id FOR NO KEY UPDATE
), counted AS (
    UPDATE corral.imports i SET new_items = new_items + c.new, updated_items = updated_items + c.updated,
        unchanged_items = unchanged_items + c.unchanged, failed_items = failed_items + c.failed,
        pending_items = pending_items - c.all,
        finished_at = CASE WHEN pending_items = c.all AND pending_sources = 0 THEN now() ELSE finished_at END
    FROM locked l JOIN counts c ON c.import = l.id WHERE i.id = l.id
)"""
# In the order of the keys, so that two batches never wait for each other. Items of a source that was removed fail.
STORE = f"""
WITH given AS MATERIALIZED (
    SELECT g.*, s.id IS NOT NULL AS there FROM jsonb_to_recordset(%(items)s::jsonb) AS g(
        source uuid, guid text, id uuid, hash text, fingerprint text, title text, link text, published_at timestamptz,
        data jsonb, seen_at timestamptz)
    LEFT JOIN corral.feed_sources s ON s.id = g.source
), written AS (
    INSERT INTO corral.feed_items AS f (source, guid, id, hash, fingerprint, title, link, published_at, data, seen_at)
    SELECT g.source, g.guid, g.id, g.hash, g.fingerprint, g.title, g.link, g.published_at, g.data, g.seen_at
    FROM given g WHERE g.there ORDER BY g.source, g.guid
    ON CONFLICT (source, guid) DO UPDATE
    SET hash = excluded.hash, fingerprint = excluded.fingerprint, title = excluded.title, link = excluded.link,
        published_at = excluded.published_at, data = excluded.data, seen_at = excluded.seen_at, changed_at = now(),
        listed_at = now()
    WHERE f.hash <> excluded.hash AND f.seen_at <= excluded.seen_at
    RETURNING f.source, f.guid, f.id
), next AS MATERIALIZED (
    SELECT g.source, g.guid, CASE WHEN NOT g.there THEN '{ItemOutcome.FAILED}' WHEN w.id IS NULL THEN '{ItemOutcome.UNCHANGED}' WHEN w.id = g.id THEN '{ItemOutcome.NEW}'
           ELSE '{ItemOutcome.UPDATED}' END AS outcome
    FROM given g LEFT JOIN written w ON w.source = g.source AND w.guid = g.guid
), {COUNT}
SELECT source, guid, outcome FROM next
"""
FAILED = f"""
WITH next AS MATERIALIZED (
    SELECT g.source, g.guid, 'failed' AS outcome FROM unnest(%(sources)s::uuid[], %(guids)s::text[]) AS g(source, guid)
), {COUNT}
SELECT count(*) FROM counts
"""
PAGE = f"""
SELECT {COLUMNS} FROM corral.feed_items
WHERE source = %(source)s AND (%(before)s::uuid IS NULL OR id < %(before)s)
  AND (%(search)s::text IS NULL OR title ILIKE %(search)s OR guid ILIKE %(search)s OR link ILIKE %(search)s
       OR data->>'summary' ILIKE %(search)s OR data->>'content' ILIKE %(search)s)
ORDER BY id DESC LIMIT %(limit)s
"""


class FeedItems:
    """Items of feeds as rows. Every method raises Unavailable where Postgres is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, source: UUID, guids: Sequence[str]) -> dict[str, KnownItem]:
        """What those of the items are known by that are stored, by guid."""
        params = {"source": source, "guids": texts(guids)}
        return {row[0]: KnownItem._make(row[1:]) for row in await self._database.run(KNOWN, params)}

    async def note_listed(self, source: UUID, fingerprints: Mapping[str, str]) -> None:
        """Note that a document lists these items, by guid, as they are stored, and what it says of them."""
        params = {
            "source": source,
            "guids": texts(fingerprints),
            "fingerprints": texts(fingerprints.values()),
        }
        await self._database.run(LIST, params, limits=DUTY)

    async def store(self, items: Sequence[NewFeedItem]) -> list[ItemOutcome]:
        """Store items, all or none; what became of each, in their order. Of two that are the same the later one counts.

        Items of a source that is gone are counted as failed.
        """
        newest: dict[ItemKey, NewFeedItem] = {}
        for item in items:
            before = newest.get(_key(item))
            if before is None or before.seen_at <= item.seen_at:
                newest[_key(item)] = item
        rows = [
            {
                "source": item.source,
                "guid": item.guid,
                "id": new_id(),
                "hash": item.hash,
                "fingerprint": item.fingerprint,
                "title": item.title,
                "link": item.link,
                "published_at": item.published_at,
                "data": dict(item.data),
                "seen_at": item.seen_at,
            }
            for item in newest.values()
        ]
        answer = await self._database.run(STORE, {"items": encode(rows)}, limits=DUTY)
        became = {(source, guid): ItemOutcome(outcome) for source, guid, outcome in answer}
        return [became[_key(item)] if newest[_key(item)] is item else ItemOutcome.UNCHANGED for item in items]

    async def failed(self, items: Sequence[NewFeedItem]) -> None:
        """Count items as failed in every import that waits for them; the next fetch reads their documents anew."""
        keys = {_key(item) for item in items}
        params = {
            "sources": array(source for source, _ in keys),
            "guids": texts(guid for _, guid in keys),
        }
        await self._database.together((READ_ANEW, params), (FAILED, params), limits=DUTY)

    async def page(
        self, source: UUID, *, before: UUID | None = None, search: str | None = None, limit: int = 50
    ) -> list[StoredFeedItem]:
        """Items of a source, newest first, those after the item `before`; `search` is part of any of their texts."""
        params = {"source": source, "before": before, "search": like(search), "limit": limit}
        names = COLUMNS.split(", ")
        return [
            StoredFeedItem(**dict(zip(names, row, strict=True)))
            for row in await self._database.run(PAGE, params)
        ]


def _key(item: NewFeedItem) -> ItemKey:
    return item.source, item.guid
