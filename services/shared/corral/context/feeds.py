"""What the handlers of feeds ask of the worker: sources, items and imports as stored."""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from corral.feeds.item import ItemOutcome, KnownItem, NewFeedItem
from corral.feeds.source import FeedSource, SourceUpdate


class FeedRecords(Protocol):
    """Sources, items and imports. `part_of` is the import that a fetch belongs to, None where it is due by itself."""

    async def source(self, source: UUID, /) -> FeedSource | None:
        """The source with this id."""

    async def known(self, source: UUID, guids: Sequence[str]) -> dict[str, KnownItem]:
        """What those of the items are known by that are stored, by guid."""

    async def note_listed(self, source: UUID, fingerprints: Mapping[str, str]) -> None:
        """Note that a document lists these items, by guid, as they are stored, and what it says of them."""

    async def expect(self, part_of: UUID, source: UUID, guids: Sequence[str]) -> None:
        """Have the import wait for these items."""

    async def note_jobs(self, part_of: UUID, source: UUID, jobs: Mapping[str, UUID]) -> None:
        """Store which job stores which item that an import waits for."""

    async def fetched(
        self, source: UUID, update: SourceUpdate | None, part_of: UUID | None, *, unchanged: int, skipped: int
    ) -> None:
        """Store what a fetch says of its source; None: there is no such source any more."""

    async def store(self, items: Sequence[NewFeedItem]) -> list[ItemOutcome]:
        """Store items, all or none; what became of each, in their order. `FAILED`: its source is gone."""

    async def failed(self, items: Sequence[NewFeedItem]) -> None:
        """Count items as failed in the imports that wait for them; the next fetch reads their documents anew."""
