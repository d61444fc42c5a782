"""What the handlers of feeds ask of the worker, answered by its store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from corral import metrics
from corral.feeds.item import ItemOutcome, KnownItem, NewFeedItem
from corral.feeds.source import FeedSource, FetchOutcome, SourceUpdate
from corral.store import Store


class StoredFeeds:
    """Sources, items and imports in Postgres. Every method raises Unavailable where it is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def source(self, source: UUID, /) -> FeedSource | None:
        """The source with this id."""
        return await self._store.feeds.get(source)

    async def known(self, source: UUID, guids: Sequence[str]) -> dict[str, KnownItem]:
        """What those of the items are known by that are stored, by guid."""
        return await self._store.feed_items.known(source, guids)

    async def note_listed(self, source: UUID, fingerprints: Mapping[str, str]) -> None:
        """Note that a document lists these items, by guid, as they are stored, and what it says of them."""
        await self._store.feed_items.note_listed(source, fingerprints)

    async def expect(self, part_of: UUID, source: UUID, guids: Sequence[str]) -> None:
        """Have the import wait for these items."""
        await self._store.imports.expect(part_of, source, guids)

    async def note_jobs(self, part_of: UUID, source: UUID, jobs: Mapping[str, UUID]) -> None:
        """Store which job stores which item that an import waits for."""
        await self._store.imports.note_item_jobs(part_of, source, jobs)

    async def fetched(
        self, source: UUID, update: SourceUpdate | None, part_of: UUID | None, *, unchanged: int, skipped: int
    ) -> None:
        """Store what a fetch says of its source; None: there is no such source any more."""
        await self._store.imports.fetched(source, update, part_of, unchanged=unchanged, skipped=skipped)
        outcome = FetchOutcome.SKIPPED if update is None else update.outcome
        metrics.FEED_FETCHES.labels(outcome.value).inc()
        metrics.FEED_ITEMS.labels(ItemOutcome.UNCHANGED.value).inc(unchanged)
        metrics.FEED_ITEMS.labels("skipped").inc(skipped)

    async def store(self, items: Sequence[NewFeedItem]) -> list[ItemOutcome]:
        """Store items, all or none; what became of each, in their order. `FAILED`: its source is gone."""
        outcomes = await self._store.feed_items.store(items)
        for outcome, count in Counter(outcomes).items():
            metrics.FEED_ITEMS.labels(outcome.value).inc(count)
        return outcomes

    async def failed(self, items: Sequence[NewFeedItem]) -> None:
        """Count items as failed in the imports that wait for them; the next fetch reads their documents anew."""
        await self._store.feed_items.failed(items)
        metrics.FEED_ITEMS.labels(ItemOutcome.FAILED.value).inc(len(items))
