"""Items of feeds: stored once each, changed only by newer content, and counted in the import that waits for them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from corral.feeds.item import ItemOutcome, NewFeedItem, StoredFeedItem
from corral.ids import new_id
from corral.store.database import DUTY, Database, Transaction
from corral.store.feeds import like
from corral.store.json_text import encode
from corral.store.sql_params import texts

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
# An item that waits no more was counted before: an attempt that is repeated counts nothing.
ARRIVED = """
DELETE FROM corral.import_items w
USING jsonb_to_recordset(%(waited)s::jsonb) AS g(import uuid, source uuid, guid text, outcome text)
WHERE w.import = g.import AND w.source = g.source AND w.guid = g.guid
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
        """Store items, no two with the same source and guid; what became of each, in their order."""
        ids = {(item.source, item.guid): new_id() for item in items}
        rows = [
            {
                "source": item.source,
                "guid": item.guid,
                "id": ids[item.source, item.guid],
                "hash": item.hash,
                "title": item.title,
                "link": item.link,
                "published_at": item.published_at,
                "data": dict(item.data),
                "seen_at": item.seen_at,
            }
            for item in items
        ]
        async with self._database.transaction(DUTY) as transaction:
            written = {
                (source, guid): id
                for source, guid, id in await transaction.rows(UPSERT, {"items": encode(rows)})
            }
            outcomes = [_outcome(written, ids, (item.source, item.guid)) for item in items]
            await _count(transaction, items, outcomes)
        return outcomes

    async def failed(self, item: NewFeedItem) -> None:
        """Count an item as failed in the import that waits for it."""
        async with self._database.transaction(DUTY) as transaction:
            await _count(transaction, [item], [ItemOutcome.FAILED])

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


def _outcome(
    written: Mapping[tuple[UUID, str], UUID], ids: Mapping[tuple[UUID, str], UUID], key: tuple[UUID, str]
) -> ItemOutcome:
    """A row that was written and has the id that we made is new."""
    if key not in written:
        return ItemOutcome.UNCHANGED
    return ItemOutcome.NEW if written[key] == ids[key] else ItemOutcome.UPDATED


async def _count(
    transaction: Transaction, items: Sequence[NewFeedItem], outcomes: Sequence[ItemOutcome]
) -> None:
    waited = [
        {"import": item.part_of, "source": item.source, "guid": item.guid, "outcome": outcome}
        for item, outcome in zip(items, outcomes, strict=True)
        if item.part_of is not None
    ]
    if not waited:
        return
    counted: dict[UUID, dict[str, int]] = {}
    for part_of, outcome in await transaction.rows(ARRIVED, {"waited": encode(waited)}):
        counts = counted.setdefault(part_of, dict.fromkeys([*ItemOutcome, "all"], 0))
        counts[outcome] += 1
        counts["all"] += 1
    for part_of in sorted(counted):
        await transaction.count(COUNT, {"import": part_of, **counted[part_of]})
