"""Imports of feeds as rows: who waits for whom, and how many sources one may have."""

import asyncio
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async

from corral.feeds.source import FeedSource, FetchOutcome, SourceUpdate
from corral.ids import new_id
from corral.store import Store
from corral.store.postgres.database import DUTY

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def started(store: Store, count: int) -> tuple[UUID, list[FeedSource]]:
    sources = await store.feeds.add([(f"https://example.com/{n}", "") for n in range(count)], "test")
    id = new_id()
    await store.imports.start(id, sources, "test")
    return id, sources


@pytest.mark.usefixtures("patient")
async def test_a_fetch_that_ends_while_the_jobs_of_its_import_are_noted_waits_for_nobody(store: Store):
    """Both lock the source before its row in the import."""
    id, [source] = await started(store, 1)
    [(record, params)] = await store.feeds.recording(
        source.id, SourceUpdate(outcome=FetchOutcome.NOT_MODIFIED, status=304)
    )
    async with store.database.transaction(DUTY) as fetch:
        await fetch.count(record, params)
        noting = asyncio.create_task(store.imports.note_jobs(id, {source.id: new_id()}))
        await eventually_async(lambda: _waits(store))
        await fetch.count(
            "UPDATE corral.import_sources SET outcome = 'not-modified' WHERE import = %(id)s", {"id": id}
        )
    await noting
    [came] = await store.imports.sources(id)
    assert (came.outcome, came.job is None) == ("not-modified", False)


async def _waits(store: Store) -> bool:
    [(count,)] = await store.database.run(WAITING)
    return bool(count)


async def test_an_import_of_ten_thousand_sources_is_looked_at_within_the_time_of_a_statement(store: Store):
    await started(store, 1)
    await store.database.run(
        "ANALYZE corral.import_sources, corral.jobs"
    )  # what the planner knows is of before
    id, sources = await started(store, 10_000)
    await store.imports.note_jobs(id, {source.id: new_id() for source in sources[1:]})
    one = await store.imports.get(id)
    assert one is not None
    assert (one.sources, one.pending_sources) == (10_000, 1), "the jobs of the others were never there"
