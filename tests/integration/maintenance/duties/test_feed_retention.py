"""Imports, and items that no document lists any more, are removed after their days."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from corral.errors import LeaseLost
from corral.feeds.item import NewFeedItem
from corral.feeds.source import FeedSource, FetchOutcome, SourceUpdate
from corral.ids import new_id
from corral.maintenance.duties.housekeeping import RetentionDuty
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.store import Store


class Feeds:
    """Sources, items and imports whose age the test says."""

    def __init__(self, store: Store, reign: Reign) -> None:
        self.store, self.reign = store, reign

    async def source(self, name: str = "a") -> FeedSource:
        [source] = await self.store.feeds.add([(f"https://{name}.example/feed", "")], "ann")
        return source

    async def items(self, source: FeedSource, *guids: str) -> None:
        now = datetime.now(UTC)
        await self.store.feed_items.store(
            [
                NewFeedItem(
                    source=source.id, guid=guid, hash="h", fingerprint="f", title="", link=None, published_at=None,
                    data={}, seen_at=now,
                )
                for guid in guids
            ]
        )  # fmt: skip

    async def listed(self, days: float, *guids: str) -> None:
        """Let these items have been listed last so many days ago."""
        await self.store.database.run(
            "UPDATE corral.feed_items SET listed_at = now() - %(days)s * interval '1 day' WHERE guid = ANY(%(guids)s)",
            {"days": days, "guids": list(guids)},
        )

    async def read(self, source: FeedSource, days: float = 0) -> None:
        """Let the document of the source have been read so many days ago."""
        update = SourceUpdate(outcome=FetchOutcome.FETCHED, validators=True, wait=600)
        await self.store.imports.fetched(source.id, update, None)
        await self.store.database.run(
            "UPDATE corral.feed_sources SET document_at = now() - %(days)s * interval '1 day' WHERE id = %(id)s",
            {"days": days, "id": source.id},
        )

    async def started(self, days: float, *sources: FeedSource) -> UUID:
        """An import that was started so many days ago, and waits for an item of each source."""
        id = new_id()
        await self.store.imports.start(id, sources, "ann")
        for source in sources:
            await self.store.imports.expect(id, source.id, ["1"])
        await self.store.database.run(
            "UPDATE corral.imports SET started_at = now() - %(days)s * interval '1 day' WHERE id = %(id)s",
            {"days": days, "id": id},
        )
        return id

    async def left(self, source: FeedSource) -> list[str]:
        return sorted(one.guid for one in await self.store.feed_items.page(source.id))

    async def round(self, *, imports: int = 0, items: int = 0) -> int:
        duty = RetentionDuty(self.store, feed_import_days=imports, feed_item_days=items, imports_at_once=2)
        return await duty.round(self.reign)


@pytest.fixture
async def feeds(store: Store, reign: Reign) -> Feeds:
    return Feeds(store, reign)


async def test_items_are_removed_when_no_document_has_listed_them_for_so_many_days(feeds: Feeds):
    source = await feeds.source()
    await feeds.items(source, "listed", "lately", "old")
    await feeds.read(source)
    await feeds.listed(9, "lately")
    await feeds.listed(11, "old")
    assert await feeds.round() == 0  # 0 days: for ever
    assert await feeds.round(items=10) == 1
    assert await feeds.left(source) == ["lately", "listed"]


async def test_a_document_that_does_not_change_keeps_its_items_however_old_it_is(feeds: Feeds):
    source, never = await feeds.source("a"), await feeds.source("never-read-since-an-upgrade")
    await feeds.items(source, "of-it", "before-it")
    await feeds.items(never, "1")
    await feeds.read(source, days=500)
    await feeds.listed(501, "of-it", "1")  # noted up to a day before
    await feeds.listed(503, "before-it")
    assert await feeds.round(items=365) == 1
    assert (await feeds.left(source), await feeds.left(never)) == (["of-it"], ["1"])


async def test_imports_are_removed_after_their_days_with_all_that_is_of_them(feeds: Feeds):
    a, b = await feeds.source("a"), await feeds.source("b")
    old = [await feeds.started(31, a, b) for _ in range(5)]
    young = await feeds.started(29, a, b)
    assert await feeds.round(items=1) == 0
    assert await feeds.round(imports=30) == 5
    assert [one.id for one in await feeds.store.imports.page()] == [young]
    assert [await feeds.store.imports.get(id) for id in old] == [None] * 5
    for table in ("import_sources", "import_items"):
        left = await feeds.store.database.run(f"SELECT DISTINCT import FROM corral.{table}")
        assert left == [(young,)], table


async def test_whoever_leads_no_more_removes_nothing(feeds: Feeds):
    await feeds.started(31, await feeds.source())
    await feeds.reign.give_up()
    assert await LeaderCandidate(feeds.store.leases, "other").look() is not None
    with pytest.raises(LeaseLost):
        await feeds.round(imports=30)
    assert len(await feeds.store.imports.page()) == 1
