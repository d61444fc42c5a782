"""How feeds come from servers, and when: moved, gone, broken, packed, bounded, and fetched when they are due."""

import gzip
import zlib
from datetime import datetime, timedelta

import brotli
import pytest
from tests.fixtures.feed_waits import with_own_part
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import answer, redirect
from tests.integration.worker.corral_jobs.test_feeds import (
    HOST,
    Imports,
    counts,
    imports,
    maintained,
    rss,
    server,
    system,
)

from corral.feeds.source import FeedSource, SourceState

__all__ = ["imports", "server", "system"]

PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}


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


async def test_whatever_way_a_document_is_packed_and_written_it_is_read_within_bounds(imports: Imports):
    server, whole = imports.server, rss("Grüße", "Ünïcode")
    for encoding, pack in PACKED.items():
        server.answers[f"/{encoding}"] = answer(pack(whole), content_encoding=encoding)
    declared = b'<?xml version="1.0" encoding="iso-8859-1"?>' + whole.decode().encode("latin-1")
    server.answers["/declared"] = answer(declared)
    server.answers["/http"] = answer(
        whole.decode().encode("koi8-r", "xmlcharrefreplace"), content_type="text/xml; charset=koi8-r"
    )
    server.answers["/utf-16"] = answer(whole.decode().encode("utf-16"))
    bomb = gzip.compress(b" " * 11_000_000)
    server.answers["/bomb"] = answer(bomb, content_encoding="gzip", etag='"bomb"')
    server.answers["/large"] = answer(b" " * 10_485_761)
    server.answers["/cut"] = answer(gzip.compress(whole)[:-9], content_encoding="gzip", etag='"cut"')
    good = [*PACKED, "declared", "http", "utf-16"]
    bad = ["bomb", "large", "cut"]
    sources = {name: await imports.source(f"/{name}") for name in (*good, *bad)}
    assert counts(await imports.run(*sources.values())) == {"new": 2 * len(good)}
    for name in good:
        items = await imports.store.feed_items.page(sources[name].id)
        assert sorted(item.title for item in items) == ["Grüße", "Ünïcode"], name
    for name in bad:
        failing = await imports.now(sources[name])
        assert (failing.failures, failing.etag, failing.item_count) == (1, None, 0), name
        assert failing.last_error is not None
        assert "larger" in failing.last_error or "ends too soon" in failing.last_error, failing.last_error
        assert failing.next_fetch_at is not None


async def test_a_feed_that_is_due_is_fetched_by_itself_when_it_is_resumed_again_and_never_while_paused(
    imports: Imports,
):
    imports.server.answers["/feed"] = answer(rss("a"), cache_control="max-age=7200")
    imports.server.answers["/ttl"] = answer(rss("a").replace(b"<item>", b"<ttl>180</ttl><item>", 1))
    await maintained(imports.system)
    urls = [(f"http://{HOST}:{imports.server.port}{path}", "") for path in ("/feed", "/ttl", "/paused")]
    feed, ttl, paused = await imports.store.feeds.add(urls, "test", due_in=1)
    await imports.store.feeds.pause(paused.id, "test")

    async def fetched() -> list[FeedSource]:
        found = [await imports.now(one) for one in (feed, ttl)]
        assert all(one.last_success_at for one in found)
        return found

    once = await eventually_async(fetched, timeout=60)
    for one, seconds in zip(once, (7_200, 10_800), strict=True):
        waits = (one.next_fetch_at - one.last_success_at).total_seconds()
        assert waits == pytest.approx(with_own_part(one.id, seconds), abs=0.01)
    assert [heard.path for heard in imports.server.heard if heard.path == "/paused"] == []
    imports.server.answers["/paused"] = answer(rss("a"))
    await imports.store.feeds.resume(paused.id, "test")

    async def resumed() -> bool:
        return (await imports.now(paused)).item_count == 1

    await eventually_async(resumed, timeout=60)
    assert {heard.path for heard in imports.server.heard} == {"/feed", "/paused", "/ttl"}
    # One job for each; one whose worker was too slow for its lease, or for the server, asks in each attempt.
    jobs = await imports.store.database.run(
        "SELECT payload, attempt, stalls, errors FROM corral.jobs WHERE type = 'feed.fetch'"
    )
    assert len(jobs) == 3, jobs
    assert len(imports.server.heard) <= sum(attempt for _, attempt, *_ in jobs), jobs


async def test_an_item_that_the_document_lists_as_before_is_read_no_further_and_noted_once_a_day(
    imports: Imports,
):
    store, source = imports.store, await imports.source("/feed")
    imports.server.answers["/feed"] = answer(rss("a", "b"))
    assert counts(await imports.run(source)) == {"new": 2}

    async def rows() -> dict[str, tuple[str, str | None, datetime]]:
        found = await store.database.run(
            "SELECT guid, hash, fingerprint, listed_at FROM corral.feed_items ORDER BY guid"
        )
        return {guid: (hash, print, at) for guid, hash, print, at in found}

    first = await rows()
    assert all(print for _, print, _ in first.values())
    # Whoever read the first one further would see that its content differs. The second one is of an older release.
    await store.database.run("UPDATE corral.feed_items SET hash = 'other' WHERE guid = '0'")
    await store.database.run("UPDATE corral.feed_items SET fingerprint = NULL WHERE guid = '1'")
    imports.server.answers["/feed"] = answer(rss("a", "b", title="anew"))
    assert counts(await imports.run(source)) == {"unchanged": 2}
    again = await rows()
    assert again["0"] == ("other", *first["0"][1:])
    assert (again["1"][:2], again["1"][2] > first["1"][2]) == (first["1"][:2], True)

    await store.database.run("UPDATE corral.feed_items SET listed_at = now() - interval '25 hours'")
    imports.server.answers["/feed"] = answer(rss("a", title="once more"))
    assert counts(await imports.run(source)) == {"unchanged": 1}
    now = await rows()
    assert (now["0"][2] > again["0"][2], now["1"][2] > again["1"][2]) == (True, False)


async def test_a_feed_that_only_says_when_it_was_made_is_not_read_again(imports: Imports):
    source = await imports.source("/feed")
    for number, outcome in enumerate(("fetched", "not-modified", "not-modified")):
        made = f"<title>News</title><ttl>120</ttl><lastBuildDate>{number}</lastBuildDate>".encode()
        document = rss("a", "b").replace(b"<title>News</title>", made)
        imports.server.answers["/feed"] = answer(document)
        one = await imports.run(source)
        assert counts(one) == ({"unchanged": 2} if number else {"new": 2})
        [came] = await imports.store.imports.sources(one.id)
        assert came.outcome == outcome
        known = await imports.now(source)
        assert known.next_fetch_at is not None
        assert known.last_fetched_at is not None
        assert known.next_fetch_at - known.last_fetched_at > timedelta(hours=2), "as the feed asks"
