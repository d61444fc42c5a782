"""Items of feeds: stored once each, changed only by newer content, and counted in the import that waits for them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.feeds.item import ItemOutcome, NewFeedItem, StoredFeedItem
from corral.ids import new_id
from corral.store.database import DUTY, Database, Transaction
from corral.store.feeds import like
from corral.store.json_text import encode
from corral.store.sql_params import array, texts

ItemKey = tuple[UUID, str]
"""Source and guid."""
COLUMNS = "id, source, guid, title, link, published_at, created_at, changed_at, data"
HASHES = """
SELECT guid, hash FROM corral.feed_items WHERE source = %(source)s AND guid = ANY(%(guids)s::text[])
"""
# In the order of the keys, so that two batches never wait for each other. Of a source that was removed, nothing.
UPSERT = """
WITH given AS MATERIALIZED (
    SELECT g.* FROM jsonb_to_recordset(%(items)s::jsonb) AS g(
        source uuid, guid text, id uuid, hash text, title text, link text, published_at timestamptz, data jsonb,
        seen_at timestamptz)
    JOIN corral.feed_sources s ON s.id = g.source
)
INSERT INTO corral.feed_items AS f (source, guid, id, hash, title, link, published_at, data, seen_at)
SELECT source, guid, id, hash, title, link, published_at, data, seen_at FROM given ORDER BY source, guid
ON CONFLICT (source, guid) DO UPDATE
SET hash = excluded.hash, title = excluded.title, link = excluded.link, published_at = excluded.published_at,
    data = excluded.data, seen_at = excluded.seen_at, changed_at = now()
WHERE f.hash <> excluded.hash AND f.seen_at <= excluded.seen_at
RETURNING f.source, f.guid, f.id
"""
# Every import that waits for an item counts it, whichever of them made its job. One that waits no more was counted before:
# an attempt that is repeated counts nothing.
ARRIVED = """
DELETE FROM corral.import_items w
USING unnest(%(sources)s::uuid[], %(guids)s::text[], %(outcomes)s::text[]) AS g(source, guid, outcome)
WHERE w.source = g.source AND w.guid = g.guid
RETURNING w.import, g.outcome
"""
COUNT = """
UPDATE corral.imports SET new_items = new_items + %(new)s, updated_items = updated_items + %(updated)s,
    unchanged_items = unchanged_items + %(unchanged)s, failed_items = failed_items + %(failed)s,
    pending_items = pending_items - %(all)s,
    finished_at = CASE WHEN pending_items = %(all)s AND pending_sources = 0 THEN now() ELSE finished_at END
WHERE id = %(import)s
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

    async def hashes(self, source: UUID, guids: Sequence[str]) -> dict[str, str]:
        """The hashes of those items that are stored, by guid."""
        params = {"source": source, "guids": texts(guids)}
        return dict(await self._database.run(HASHES, params))

    async def store(self, items: Sequence[NewFeedItem]) -> list[ItemOutcome]:
        """Store items, all or none; what became of each, in their order. Of two that are the same the later one counts."""
        newest: dict[ItemKey, NewFeedItem] = {}
        for item in items:
            before = newest.get(_key(item))
            if before is None or before.seen_at <= item.seen_at:
                newest[_key(item)] = item
        ids = {key: new_id() for key in newest}
        rows = [
            {
                "source": item.source,
                "guid": item.guid,
                "id": ids[key],
                "hash": item.hash,
                "title": item.title,
                "link": item.link,
                "published_at": item.published_at,
                "data": dict(item.data),
                "seen_at": item.seen_at,
            }
            for key, item in newest.items()
        ]
        async with self._database.transaction(DUTY) as transaction:
            answer = await transaction.rows(UPSERT, {"items": encode(rows)})
            written = {(source, guid): id for source, guid, id in answer}
            became = {key: _outcome(written.get(key), ids[key]) for key in newest}
            await _count(transaction, became)
        return [became[_key(item)] if newest[_key(item)] is item else ItemOutcome.UNCHANGED for item in items]

    async def failed(self, items: Sequence[NewFeedItem]) -> None:
        """Count items as failed in every import that waits for them."""
        async with self._database.transaction(DUTY) as transaction:
            await _count(transaction, {_key(item): ItemOutcome.FAILED for item in items})

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


def _outcome(written: UUID | None, made: UUID) -> ItemOutcome:
    """A row that was written and has the id that we made is new."""
    if written is None:
        return ItemOutcome.UNCHANGED
    return ItemOutcome.NEW if written == made else ItemOutcome.UPDATED


async def _count(transaction: Transaction, became: Mapping[ItemKey, ItemOutcome]) -> None:
    params = {
        "sources": array(source for source, _ in became),
        "guids": texts(guid for _, guid in became),
        "outcomes": texts(became.values()),
    }
    counted: dict[UUID, dict[str, int]] = {}
    for id, outcome in await transaction.rows(ARRIVED, params):
        counts = counted.setdefault(id, dict.fromkeys([*ItemOutcome, "all"], 0))
        counts[outcome] += 1
        counts["all"] += 1
    for id in sorted(counted):
        await transaction.count(COUNT, {"import": id, **counted[id]})
