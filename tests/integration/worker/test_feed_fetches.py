"""How documents come from servers, and when: packed, written and bounded in any way, and fetched when they are due."""

import gzip
import zlib

import brotli
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import answer
from tests.integration.worker.test_feeds import HOST, Imports, counts, imports, rss, server, system

from corral.feeds.source import FeedSource

__all__ = ["imports", "server", "system"]

PACKED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}


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
    await imports.system.maintained()
    urls = [(f"http://{HOST}:{imports.server.port}{path}", "") for path in ("/feed", "/ttl", "/paused")]
    feed, ttl, paused = await imports.store.feeds.add(urls, "test", due_in=1)
    await imports.store.feeds.pause(paused.id, "test")

    async def fetched() -> list[FeedSource]:
        found = [await imports.now(one) for one in (feed, ttl)]
        assert all(one.last_success_at for one in found)
        return found

    once = await eventually_async(fetched, timeout=60)
    waits = [round((one.next_fetch_at - one.last_success_at).total_seconds()) for one in once]
    assert waits == [7_200, 10_800]
    assert [heard.path for heard in imports.server.heard if heard.path == "/paused"] == []
    imports.server.answers["/paused"] = answer(rss("a"))
    await imports.store.feeds.resume(paused.id, "test")

    async def resumed() -> bool:
        return (await imports.now(paused)).item_count == 1

    await eventually_async(resumed, timeout=60)
    paths = [heard.path for heard in imports.server.heard]
    assert sorted(paths) == ["/feed", "/paused", "/ttl"]
