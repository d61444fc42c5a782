"""The declarations of feeds, and their handlers with records in memory."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from corral.errors import Discard, Unavailable
from corral.feeds.item import ItemOutcome, NewFeedItem
from corral_jobs.feeds import ItemRequest, store_item
from corral_jobs.feeds.handlers import do_store
from corral_testing.context import context

SOURCE = UUID(int=7)


class Records:
    """Knows one source; stores nothing while `away`."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.failures: list[NewFeedItem] = []

    async def source(self, source: UUID, /) -> Any:
        return object() if source == SOURCE else None

    async def store(self, items: list[NewFeedItem]) -> list[ItemOutcome]:
        if self.away:
            raise Unavailable("postgres", "it is away")
        return [ItemOutcome.NEW for _ in items]

    async def failed(self, item: NewFeedItem) -> None:
        self.failures.append(item)


def test_items_are_tried_again_after_1_2_and_4_seconds_and_not_kept_when_done():
    options = store_item.options
    assert [options.backoff.delay(n) for n in range(1, options.retries + 1)] == [1, 2, 4]
    assert options.timeout == 30
    assert (options.keep_finished.seconds, options.keep_failed.seconds) == (0, 30 * 86_400)


@pytest.mark.parametrize(("errors", "counted"), [(0, 0), (2, 0), (3, 1)])
async def test_an_item_counts_as_failed_when_its_last_try_fails(errors: int, counted: int):
    records = Records(away=True)
    ctx, _ = context(store_item, errors=errors, feeds=records)
    request = ItemRequest(source=str(SOURCE), guid="1", seen_at=datetime.now(UTC))
    with pytest.raises(Unavailable):
        await do_store(request, ctx)
    assert len(records.failures) == counted


async def test_an_item_of_a_source_that_was_removed_fails_at_once_and_counts():
    records = Records()
    ctx, _ = context(store_item, feeds=records)
    with pytest.raises(Discard, match="Invalid job data: source: there is no feed"):
        await do_store(ItemRequest(source=str(UUID(int=8)), guid="1"), ctx)
    assert len(records.failures) == 1
    assert (await do_store(ItemRequest(source=str(SOURCE), guid="1"), ctx)).outcome == "new"


def test_a_program_that_declares_feeds_loads_no_parser():
    script = (
        "import sys, corral_jobs.feeds, corral_jobs.feeds.handlers; "
        "print([name for name in ('fastfeedparser', 'feedparser', 'nh3', 'lxml', 'httpx2') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
