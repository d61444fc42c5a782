"""Removing what is old of feeds: imports, and items that their feed lists no more."""

from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import Database

# By primary key: ids are in order of time. One that never finished goes, too: what it waits for was lost.
FORGET_IMPORTS = """
WITH old AS MATERIALIZED (
    SELECT o.id, o.over FROM (
        SELECT i.id, i.started_at < now() - %(days)s * interval '1 day' AS over FROM corral.imports i ORDER BY i.id LIMIT %(limit)s
    ) o WHERE o.over
), waited AS (
    DELETE FROM corral.import_items w USING old o JOIN corral.import_sources s ON s.import = o.id
    WHERE w.source = s.source AND w.import = o.id
), sources AS (
    DELETE FROM corral.import_sources s USING old o WHERE s.import = o.id
)
DELETE FROM corral.imports i USING old o WHERE i.id = o.id
"""
# Through feed_items_listed, source by source. That an item is listed is noted once a day, so a document that was read
# two days after that does not list it. A feed whose document does not change keeps its items, however old they are:
# removed ones would be new again with the next document.
FORGET_ITEMS = """
WITH old AS MATERIALIZED (
    SELECT o.source, o.guid FROM corral.feed_sources s CROSS JOIN LATERAL (
        SELECT f.source, f.guid FROM corral.feed_items f
        WHERE f.source = s.id
          AND f.listed_at < least(now() - %(days)s * interval '1 day', s.document_at - interval '2 days')
        ORDER BY f.listed_at LIMIT %(limit)s
    ) o
    WHERE s.document_at IS NOT NULL LIMIT %(limit)s
), locked AS MATERIALIZED (
    SELECT f.source, f.guid FROM corral.feed_items f JOIN old o ON f.source = o.source AND f.guid = o.guid
    ORDER BY f.source, f.guid FOR UPDATE OF f SKIP LOCKED
)
DELETE FROM corral.feed_items f USING locked l WHERE f.source = l.source AND f.guid = l.guid
"""


class FeedRetention:
    """Removes old rows of feeds, for the leader."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_imports(self, term: Term, days: int, limit: int) -> int:
        """Remove imports that were started longer ago than so many days, at most `limit`; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        return await self._forget(term, FORGET_IMPORTS, days, limit)

    async def forget_items(self, term: Term, days: int, limit: int) -> int:
        """Remove items that their feed has not listed for so many days, at most `limit`; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        return await self._forget(term, FORGET_ITEMS, days, limit)

    async def _forget(self, term: Term, statement: str, days: int, limit: int) -> int:
        async with as_leader(self._database, term) as transaction:
            return await transaction.count(statement, {"days": days, "limit": limit})
