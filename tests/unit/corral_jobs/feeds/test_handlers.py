"""The declarations of feeds, and their handlers with records in memory."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from corral.catalog import Batch
from corral.catalog.payloads.schema import payload_schema_of
from corral.catalog.unique import UniqueEvaluation
from corral.errors import Discard, FieldError, InvalidInput, Unavailable
from corral.feeds.item import ItemOutcome, NewFeedItem
from corral_jobs.feeds import ItemRequest, ItemResult, store_item
from corral_jobs.feeds.handlers import do_store
from corral_testing.batch import BatchRecording, batch
from corral_testing.context import context

SOURCE = UUID(int=7)


class Records:
    """Knows one source; can't store what is in `bad`, and nothing while `away`."""

    def __init__(self, *, away: bool = False, bad: frozenset[str] = frozenset()) -> None:
        self.away, self.bad = away, bad
        self.failures: list[str] = []
        self.stored: list[list[str]] = []

    async def store(self, items: Sequence[NewFeedItem]) -> list[ItemOutcome]:
        if self.away:
            raise Unavailable("postgres", "it is away")
        if self.bad & {item.guid for item in items}:
            raise InvalidInput(FieldError("/items", "hold a value that Postgres can't store"))
        self.stored.append([item.guid for item in items])
        return [ItemOutcome.NEW if item.source == SOURCE else ItemOutcome.FAILED for item in items]

    async def failed(self, items: Sequence[NewFeedItem]) -> None:
        self.failures += [item.guid for item in items]


def jobs_of(records: Records, *requests: ItemRequest, errors: int = 0) -> tuple[list[Any], BatchRecording]:
    jobs, said = batch(store_item, requests)
    for job in jobs:
        job._make_context = lambda _: context(store_item, errors=errors, feeds=records)[0]
    return jobs, said


def item(guid: str, source: UUID = SOURCE) -> ItemRequest:
    return ItemRequest(source=str(source), guid=guid, seen_at=datetime.now(UTC))


def test_items_are_tried_again_after_1_2_and_4_seconds_and_not_kept_when_done():
    options = store_item.options
    assert [options.backoff.delay(n) for n in range(1, options.retries + 1)] == [1, 2, 4]
    assert options.timeout == 30
    assert (options.keep_finished.seconds, options.keep_failed.seconds) == (0, 30 * 86_400)


def test_items_go_in_batches_of_100_or_3_seconds_by_source_ten_at_a_time_and_100_a_second():
    assert store_item.options.batch == Batch(size=100, wait=3, by="source")
    assert [limit.values for limit in store_item.limits] == [
        {"kind": "limit", "total": 10, "unit": "batch", "hold": "attempt", "on_full": "queue"},
        {"kind": "rate", "rate": 100, "per": 1, "by": "source", "cost": 1, "at": "attempt"},
    ]
    assert store_item.options.unique is not None
    evaluation = UniqueEvaluation(store_item.options.unique, payload_schema_of(store_item))
    assert evaluation.key({"source": "s", "guid": "g#1"}) == "s#g%231"
    assert store_item.options.unique.within == "live"


@pytest.mark.parametrize(("errors", "counted"), [(0, []), (2, []), (3, ["1", "2"])])
async def test_items_count_as_failed_when_their_last_try_fails(errors: int, counted: list[str]):
    records = Records(away=True)
    jobs, said = jobs_of(records, item("1"), item("2"), errors=errors)
    await do_store(jobs)
    assert records.failures == counted
    assert all(isinstance(one, Unavailable) for one in said.outcomes.values())
    assert len(said.outcomes) == 2


async def test_an_item_of_a_source_that_was_removed_fails_at_once_and_counts():
    records = Records()
    jobs, said = jobs_of(records, item("1", UUID(int=8)), item("2"))
    await do_store(jobs)
    assert isinstance(said.outcomes[jobs[0].id], Discard)
    assert "Invalid job data: source: there is no feed" in str(said.outcomes[jobs[0].id])
    assert said.outcomes[jobs[1].id] == ItemResult(outcome="new")
    assert records.failures == []  # what counts it is what found it


async def test_an_item_that_can_not_be_stored_fails_alone_and_so_does_one_that_lacks_something():
    records = Records(bad=frozenset({"2"}))
    jobs, said = jobs_of(records, item("1"), item("2"), ItemRequest(guid="3"), item(" "), item("5"))
    await do_store(jobs)
    told = [said.outcomes[job.id] for job in jobs]
    assert [one for one in told if isinstance(one, ItemResult)] == [ItemResult(outcome="new")] * 2
    assert isinstance(told[1], InvalidInput)
    assert [str(one) for one in told[2:4]] == [
        "Invalid job data: source is missing",
        "Invalid job data: guid is missing",
    ]
    assert records.stored == [["1"], ["5"]]


def test_a_program_that_declares_feeds_loads_no_parser():
    script = (
        "import sys, corral_jobs.feeds, corral_jobs.feeds.handlers; "
        "print([name for name in ('fastfeedparser', 'feedparser', 'nh3', 'lxml', 'httpx2') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
