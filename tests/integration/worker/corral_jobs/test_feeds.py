"""Feeds from the server to the table: a worker of its own, a real HTTP server, Postgres."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import Server, answer, listening
from tests.integration.worker.system import System, running_system

from corral.actions.feed_imports import fetch_of
from corral.actions.submissions.job_request import NewSubmission
from corral.actions.submissions.submit import Submitter
from corral.feeds.feed_import import FeedImport
from corral.feeds.item import NewFeedItem
from corral.feeds.source import FeedSource
from corral.ids import new_id
from corral.job.state import State

HOST = "127.0.0.3"


def rss(*titles: str, title: str = "News") -> bytes:
    items = "".join(f"<item><guid>{n}</guid><title>{text}</title></item>" for n, text in enumerate(titles))
    return f"<rss><channel><title>{title}</title>{items}</channel></rss>".encode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with listening(HOST) as server:
        yield server


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        await running.store.types.patch(
            "feed.item", {"batch": {"wait": 0.2}}, "test"
        )  # 3 s otherwise, each time
        await running.ready(
            handlers="", outgoing_allow=f"{HOST}/32", outgoing_contact="ops@example.com", slots_async=20
        )
        yield running


async def maintained(system: System) -> None:
    """The maintenance duties, which take no worker of these tests for lost."""
    await system.maintained(heartbeat=5, lease=20)


class Imports:
    """Imports from one server."""

    def __init__(self, system: System, server: Server, submitter: Submitter) -> None:
        self.system, self.store, self.server, self.submitter = system, system.store, server, submitter

    async def source(self, path: str) -> FeedSource:
        [source] = await self.store.feeds.add([(f"http://{HOST}:{self.server.port}{path}", "")], "test")
        return source

    async def run(self, *sources: FeedSource) -> FeedImport:
        """Import sources, and wait for the end."""
        id = new_id()
        await self.store.imports.start(id, sources, "test")
        for source in sources:
            await self.fetch(source, id)

        async def finished() -> FeedImport:
            one = await self.store.imports.get(id)
            assert one is not None
            assert one.finished_at is not None, one
            return one

        return await eventually_async(finished, timeout=60)

    async def fetch(self, source: FeedSource, part_of: UUID) -> UUID:
        """Submit the job that fetches a source of an import."""
        accepted = await self.submitter.submit(fetch_of(source.id, source.url, "test", part_of=part_of))
        await self.store.imports.note_jobs(part_of, {source.id: accepted.id})
        return accepted.id

    async def now(self, source: FeedSource) -> FeedSource:
        found = await self.store.feeds.get(source.id)
        assert found is not None
        return found


@pytest.fixture
async def imports(system: System, server: Server) -> AsyncIterator[Imports]:
    submitter = Submitter(system.store, system.dispatch)
    yield Imports(system, server, submitter)
    await submitter.close()


def counts(one: FeedImport) -> dict[str, int]:
    return {
        name: count
        for name in ("new", "updated", "unchanged", "skipped", "failed")
        if (count := getattr(one, name))
    }


async def test_items_are_stored_once_changed_ones_again_and_the_same_document_makes_no_job(imports: Imports):
    server, store = imports.server, imports.store
    server.answers["/feed"] = answer(
        rss("a", "b", "c"), etag='"1"', last_modified="Mon, 01 Jun 2026 10:00:00 GMT"
    )
    source = await imports.source("/feed")
    assert counts(await imports.run(source)) == {"new": 3}
    known = await imports.now(source)
    assert (known.title, known.item_count, known.etag, known.failures) == ("News", 3, '"1"', 0)
    assert known.next_fetch_at is not None
    assert known.last_success_at is not None
    heard = server.heard[-1].headers
    assert heard["user-agent"].startswith("corral")
    assert "ops@example.com" in heard["user-agent"]
    assert "if-none-match" not in heard
    assert {"gzip", "br"} <= {name.strip() for name in heard["accept-encoding"].split(",")}

    assert counts(await imports.run(source)) == {"unchanged": 3}  # the same document
    assert server.heard[-1].headers["if-none-match"] == '"1"'
    assert server.heard[-1].headers["if-modified-since"] == "Mon, 01 Jun 2026 10:00:00 GMT"
    server.answers["/feed"] = answer(status="304 Not Modified")
    assert counts(await imports.run(source)) == {"unchanged": 3}

    server.answers["/feed"] = answer(rss("a", "B", "c", "d"))
    assert counts(await imports.run(source)) == {"new": 1, "updated": 1, "unchanged": 2}
    items = {item.guid: item for item in await store.feed_items.page(source.id)}
    assert [items[str(n)].title for n in range(4)] == ["a", "B", "c", "d"]
    assert items["1"].changed_at > items["1"].created_at
    done = await imports.system.all_jobs("feed-items")
    assert [job.state for job in done] == [State.COMPLETED] * 5
    assert {job.unique_key for job in done} == {f"{source.id}#{n}" for n in range(4)}
    assert len({item.changed_at for item in items.values()}) == 2, "one transaction for each import"


async def test_items_are_stored_a_hundred_at_once_and_never_more_of_a_source_within_a_second(
    imports: Imports,
):
    await maintained(imports.system)
    imports.server.answers |= {f"/{name}": answer(rss(*(f"{name}{n}" for n in range(250)))) for name in "ab"}
    one = await imports.run(await imports.source("/a"), await imports.source("/b"))
    assert counts(one) == {"new": 500}
    times = await imports.store.database.run(
        "SELECT source, changed_at, count(*) FROM corral.feed_items GROUP BY 1, 2 ORDER BY 1, 2"
    )
    stored: dict[UUID, list[tuple[datetime, int]]] = {}
    for source, at, count in times:
        stored.setdefault(source, []).append((at, count))
    for batches in stored.values():
        assert [count for _, count in batches] == [100, 100, 50]
        assert all((after[0] - before[0]).total_seconds() > 1 for before, after in pairwise(batches))
    assert one.finished_at is not None
    assert (one.finished_at - one.started_at).total_seconds() < 30, "the sources do not wait for each other"


async def test_an_item_is_queued_once_with_its_newest_content_and_every_import_counts_it(imports: Imports):
    store, source = imports.store, await imports.source("/feed")
    await store.queues.name(["feeds", "feed-items"])
    await store.queues.pause("feed-items", "test")
    ids = []
    for titles in (("a", "b"), ("a", "B", "c")):
        imports.server.answers["/feed"] = answer(rss(*titles))
        ids.append(new_id())
        await store.imports.start(ids[-1], [source], "test")
        await imports.system.state(await imports.fetch(source, ids[-1]), State.COMPLETED)
    waiting = await imports.system.all_jobs("feed-items", wait=False)
    assert sorted(str(job.unique_key)[-2:] for job in waiting) == ["#0", "#1", "#2"]
    await store.queues.resume("feed-items", "test")
    await maintained(imports.system)

    async def finished() -> list[FeedImport]:
        found = [one for id in ids if (one := await store.imports.get(id)) is not None]
        assert all(one.finished_at for one in found), found
        return found

    first, second = await eventually_async(finished, timeout=30)
    assert (counts(first), counts(second)) == ({"new": 2}, {"new": 3})
    items = {item.guid: item.title for item in await store.feed_items.page(source.id)}
    assert items == {"0": "a", "1": "B", "2": "c"}


async def test_items_that_are_the_same_are_stored_once_the_later_one_with_their_neighbours(imports: Imports):
    source, now = await imports.source("/feed"), datetime.now(UTC)

    def item(guid: str, title: str, seconds: float) -> NewFeedItem:
        return NewFeedItem(
            source=source.id,
            guid=guid,
            hash=title,
            title=title,
            link=None,
            published_at=None,
            data={"title": title},
            seen_at=now + timedelta(seconds=seconds),
        )

    items = [item("1", "new", 2), item("1", "old", 1), item("2", "two", 1)]
    assert await imports.store.feed_items.store(items) == ["new", "unchanged", "new"]
    stored = {one.guid: one.title for one in await imports.store.feed_items.page(source.id)}
    assert stored == {"1": "new", "2": "two"}
    assert await imports.store.feed_items.store([item("1", "older still", 0)]) == ["unchanged"]


async def test_an_item_without_source_or_guid_fails_and_names_the_field(imports: Imports):
    source, submitter = await imports.source("/feed"), imports.submitter
    cases: list[tuple[dict[str, str], str]] = [
        ({"guid": "1"}, "Invalid job data: source is missing"),
        ({"source": "x", "guid": "1"}, "Invalid job data: source: 'x' is no id of a feed"),
        ({"source": str(source.id)}, "Invalid job data: guid is missing"),
        ({"source": str(source.id), "guid": " "}, "Invalid job data: guid is missing"),
        ({"source": str(new_id()), "guid": "1"}, "Invalid job data: source: there is no feed"),
    ]
    jobs = [await submitter.submit(NewSubmission(type="feed.item", payload=payload)) for payload, _ in cases]
    for job, (_, why) in zip(jobs, cases, strict=True):
        failed = await imports.system.state(job.id, State.FAILED)
        assert failed.errors == 1
        assert failed.error is not None
        assert why in failed.error["message"]


async def test_rows_of_items_that_are_stored_go_and_those_that_failed_stay(imports: Imports):
    imports.server.answers["/feed"] = answer(rss("a", "b"))
    store, source = imports.store, await imports.source("/feed")
    assert counts(await imports.run(source)) == {"new": 2}
    failed = await imports.submitter.submit(NewSubmission(type="feed.item", payload={"guid": "1"}))
    await imports.system.state(failed.id, State.FAILED)
    await imports.system.all_jobs("feed-items")
    term = await store.leases.acquire("the test", None)
    assert term is not None
    await store.duties.retain(term, 1000, {})
    [left] = await imports.system.all_jobs("feed-items")
    assert (left.id, left.state) == (failed.id, State.FAILED)


async def test_operators_change_the_batches_of_items_while_everything_runs(imports: Imports):
    store = imports.store
    await store.types.patch("feed.item", {"batch": {"size": 2, "wait": 60}}, "test")
    imports.server.answers["/feed"] = answer(rss("a", "b", "c", "d"))

    async def smaller() -> bool:
        source = await imports.source("/feed")
        assert counts(await imports.run(source)) == {"new": 4}
        times = "SELECT count(*) FROM corral.feed_items WHERE source = %(source)s GROUP BY changed_at"
        sizes = await store.database.run(times, {"source": source.id})
        await store.feeds.remove(source.id, "test")
        return [size for (size,) in sizes] == [2, 2]

    await eventually_async(smaller, timeout=30)


async def test_an_import_ends_also_where_its_jobs_are_lost(imports: Imports, server: Server):
    server.answers["/feed"] = answer(rss("a", "b"))
    store, source = imports.store, await imports.source("/feed")
    await store.queues.name(["feeds", "feed-items"])
    await store.queues.pause("feed-items", "test")
    id = new_id()
    await store.imports.start(id, [source, await imports.source("/other")], "test")
    job = await imports.fetch(source, id)
    await imports.system.state(job, State.COMPLETED)
    waiting = await store.imports.get(id)
    assert waiting is not None
    assert (waiting.pending_items, waiting.pending_sources) == (2, 1)
    items = await imports.system.all_jobs("feed-items", wait=False)
    await store.jobs.cancel([one.id for one in items], "test")
    await store.database.run("UPDATE corral.imports SET started_at = now() - interval '1 hour'")
    ended = await store.imports.get(id)
    assert ended is not None
    assert ended.status == "finished"
    assert counts(ended) == {"failed": 2}
    [lost] = [came for came in await store.imports.sources(id) if came.outcome == "failed"]
    assert lost.error == "its job was never submitted"
    # The sweep finds what was queued while a worker still held the queue for paused.
    await maintained(imports.system)
    await store.queues.resume("feed-items", "test")
    assert counts(await imports.run(source)) == {"new": 2}, "the same document, whose items are not stored"


async def test_an_item_that_failed_is_stored_with_the_next_fetch_of_the_same_document(
    imports: Imports, database_url: str
):
    imports.server.answers["/feed"] = answer(rss("a", "b"), etag='"1"')
    source = await imports.source("/feed")
    await maintained(imports.system)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE corral.feed_items ADD CONSTRAINT refused CHECK (guid <> '1')")
        assert counts(await imports.run(source)) == {"new": 1, "failed": 1}
        connection.execute("ALTER TABLE corral.feed_items DROP CONSTRAINT refused")
    assert counts(await imports.run(source)) == {"new": 1, "unchanged": 1}
    assert counts(await imports.run(source)) == {"unchanged": 2}
    assert imports.server.heard[-1].headers["if-none-match"] == '"1"'
