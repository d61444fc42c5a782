"""Feeds from the server to the table: a worker of its own, a real HTTP server, Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import Server, answer, redirect
from tests.integration.worker.system import System, running_system

from corral.actions.feed_imports import fetch_of
from corral.actions.submit import Submitter
from corral.feeds.feed_import import FeedImport
from corral.feeds.source import FeedSource, SourceState
from corral.ids import new_id
from corral.job.state import State

HOST = "127.0.0.3"


def rss(*titles: str, title: str = "News") -> bytes:
    items = "".join(f"<item><guid>{n}</guid><title>{text}</title></item>" for n, text in enumerate(titles))
    return f"<rss><channel><title>{title}</title>{items}</channel></rss>".encode()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server(HOST)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        await running.ready(
            handlers="", outgoing_allow=f"{HOST}/32", outgoing_contact="ops@example.com", slots_async=20
        )
        yield running


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


async def test_validators_are_not_kept_of_a_broken_document_and_the_source_is_asked_again(imports: Imports):
    imports.server.answers["/feed"] = answer(b"<html>sorry</html>", etag='"bad"')
    source = await imports.source("/feed")
    one = await imports.run(source)
    [came] = await imports.store.imports.sources(one.id)
    assert (came.outcome, counts(one)) == ("failed", {})
    assert "no feed that can be read" in (came.error or "")
    failing = await imports.now(source)
    assert (failing.etag, failing.failures, failing.state) == (None, 1, SourceState.ACTIVE)
    assert failing.next_fetch_at is not None
    imports.server.answers["/feed"] = answer(rss("a"))
    assert counts(await imports.run(source)) == {"new": 1}
    assert ((await imports.now(source)).failures, (await imports.now(source)).last_error) == (0, None)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "308 Permanent Redirect"])
async def test_a_permanent_redirect_is_followed_once_and_a_temporary_one_every_time(
    imports: Imports, status: str
):
    server = imports.server
    server.answers |= {"/old": redirect("/new", status), "/new": answer(rss("a")), "/today": redirect("/new")}
    source, today = await imports.source("/old"), await imports.source("/today")
    await imports.run(source)
    assert (await imports.now(source)).url.endswith("/new")
    await imports.run(today)
    assert (await imports.now(today)).url.endswith("/today")
    moved = await imports.source("/gone-there")
    server.answers["/gone-there"] = redirect("/new", status)
    await imports.run(moved)
    twice = await imports.now(moved)
    assert (twice.state, twice.url.endswith("/gone-there")) == (SourceState.GONE, True)
    assert str(source.id) in (twice.last_error or "")


async def test_a_feed_that_is_gone_is_asked_no_more(imports: Imports):
    imports.server.answers["/feed"] = answer(status="410 Gone")
    source = await imports.source("/feed")
    one = await imports.run(source)
    assert [came.outcome for came in await imports.store.imports.sources(one.id)] == ["gone"]
    gone = await imports.now(source)
    assert (gone.state, gone.next_fetch_at) == (SourceState.GONE, None)
    asked = len(imports.server.heard)
    again = await imports.run(source)
    [came] = await imports.store.imports.sources(again.id)
    assert (came.outcome, came.error) == ("skipped", "the source is gone")
    assert len(imports.server.heard) == asked
    assert (await imports.source("/feed")).state is SourceState.ACTIVE  # somebody names it anew


async def test_a_server_that_asks_to_be_left_alone_is(imports: Imports):
    imports.server.answers["/feed"] = answer(status="429 Too Many Requests", retry_after="3000")
    source = await imports.source("/feed")
    await imports.run(source)
    told = await imports.now(source)
    assert told.not_before is not None
    assert told.next_fetch_at is not None
    assert told.next_fetch_at >= told.not_before
    one = await imports.run(source)
    assert [came.outcome for came in await imports.store.imports.sources(one.id)] == ["postponed"]
    assert len(imports.server.heard) == 1


async def test_an_item_without_source_or_guid_fails_and_names_the_field(imports: Imports):
    source = await imports.source("/feed")
    for payload, why in [
        ({"guid": "1"}, "Invalid job data: source is missing"),
        ({"source": "x", "guid": "1"}, "Invalid job data: source: 'x' is no id of a feed"),
        ({"source": str(source.id)}, "Invalid job data: guid is missing"),
        ({"source": str(source.id), "guid": " "}, "Invalid job data: guid is missing"),
        ({"source": str(new_id()), "guid": "1"}, "Invalid job data: source: there is no feed"),
    ]:
        job = await imports.system.result("feed.item", payload, queue="feed-items", retries=3)
        assert (job.state, job.errors) == (State.FAILED, 1)
        assert job.error is not None
        assert why in job.error["message"]


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
