"""Imports and feeds over HTTP and as pages: started, listed, paused, resumed, removed, exported."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import client_of

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.catalog.record import declaration_of, record_of
from corral.feeds.item import NewFeedItem
from corral.ids import parse_id
from corral.store import Store
from corral_jobs.feeds import fetch_feed, store_item
from corral_jobs.feeds.declaration import host_limit

HTML = {"Accept": "text/html,*/*;q=0.8"}
FORM = {"Sec-Fetch-Site": "same-origin"}
OPML = '<opml version="2.0"><body><outline text="A" xmlUrl="https://a.example/feed"/></body></opml>'


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    await store.registration.register(
        [record_of(fetch_feed), record_of(store_item)], limits=[declaration_of(host_limit)]
    )


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    link = await SignIn(store).create_link("ann", Role.ADMIN)
    async with client_of(app, None) as client:
        client.headers.update(HTML)
        assert (await client.post(f"/sign-in/{link}")).status_code == 303
        yield client


async def stored(store: Store, source: str, guid: str, title: str) -> None:
    found = parse_id(source)
    assert found is not None
    item = NewFeedItem(
        source=found,
        guid=guid,
        hash=title,
        title=title,
        link=None,
        published_at=None,
        data={"title": title, "content": f"about {title}"},
        seen_at=datetime.now(UTC),
    )
    await store.feed_items.store([item])


async def test_too_many_feeds_are_refused_before_any_is_stored(api: httpx2.AsyncClient):
    urls = [f"https://a.example/{n}" for n in range(10_000)]
    for body in ({"urls": urls, "url": "https://b.example/"}, {"urls": urls, "opml": OPML}):
        answer = await api.post("/api/v1/imports", json=body)
        assert answer.status_code == 422
        assert "names more than 10,000 feeds" in answer.json()["detail"]
    assert (await api.get("/api/v1/feeds")).json()["items"] == []


@pytest.mark.parametrize("path", ["/api/v1/imports", "/imports", "/imports/start", "/api/v1/imports/start"])
async def test_an_import_is_answered_at_once_and_has_a_job_for_each_feed(api: httpx2.AsyncClient, path: str):
    answer = await api.post(
        path, json={"url": "https://A.example/feed", "urls": ["https://b.example/"], "opml": OPML}
    )
    assert answer.status_code == 202, answer.text
    one = answer.json()
    assert (one["status"], one["sources"], one["pending_sources"], one["new"]) == ("running", 2, 2, 0)
    assert answer.headers["location"] == f"/api/v1/imports/{one['id']}"
    detail = (await api.get(answer.headers["location"])).json()
    assert {feed["url"] for feed in detail["feeds"]} == {"https://a.example/feed", "https://b.example/"}
    for feed in detail["feeds"]:
        job = (await api.get(f"/api/v1/jobs/{feed['job']}")).json()
        assert (job["type"], job["payload"]) == (
            "feed.fetch",
            {
                "source": feed["source"],
                "part_of": one["id"],
                "host": feed["url"].split("/")[2],
            },
        )


async def test_a_feed_is_one_source_however_often_it_is_imported(api: httpx2.AsyncClient):
    for _ in range(2):
        await api.post("/imports", json={"url": "https://a.example/feed"})
    feeds = (await api.get("/feeds")).json()["items"]
    assert [(feed["url"], feed["health"]) for feed in feeds] == [("https://a.example/feed", "new")]
    everything = await api.post("/imports")
    assert (everything.status_code, everything.json()["sources"]) == (202, 1)
    history = (await api.get("/imports")).json()["items"]
    assert len(history) == 3
    assert history[0]["id"] == everything.json()["id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "ftp://a.example/"}, "/url"),
        ({"urls": ["https://a.example/", "no address"]}, "/urls/1"),
        ({"urls": []}, "/urls"),
        ({"opml": "<html/>"}, "/opml"),
        ({"opml": OPML.replace("https://a", "file:///a")}, "/opml"),
        ({"url": 5}, "/url"),
        ({"link": "https://a.example/"}, "/link"),
        ({"url": "https://user:secret@a.example/"}, "/url"),
    ],
)
async def test_what_can_not_be_imported_is_refused_and_nothing_is_stored(
    api: httpx2.AsyncClient, body: dict[str, object], pointer: str
):
    refused = await api.post("/imports", json=body)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await api.get("/feeds")).json()["items"] == []
    assert (await api.get("/imports")).json()["items"] == []


async def test_without_any_feed_there_is_nothing_to_import(api: httpx2.AsyncClient):
    assert (await api.post("/imports/start")).status_code == 409


async def test_a_feed_is_paused_resumed_and_removed_with_its_items(
    api: httpx2.AsyncClient, admin: httpx2.AsyncClient, store: Store
):
    await api.post("/imports", json={"url": "https://a.example/feed"})
    [feed] = (await api.get("/feeds")).json()["items"]
    path = f"/feeds/{feed['id']}"
    await stored(store, feed["id"], "1", "A hundred % of news")
    paused = (await api.post(f"{path}/pause")).json()
    assert (paused["state"], paused["health"], paused["next_fetch_at"]) == ("paused", "paused", None)
    assert paused["paused_by"] == "operator"
    assert (await api.post("/imports")).status_code == 409  # of the paused ones none is meant by nothing
    resumed = (await api.post(f"/api/v1{path}/resume")).json()
    assert (resumed["state"], resumed["paused_by"]) == ("active", None)
    assert (await api.patch(f"/api/v1{path}", json={"interval": 600})).json()["interval"] == 600
    assert (await api.patch(f"/api/v1{path}", json={"interval": 1})).status_code == 422
    assert (await api.delete(path)).status_code == 403
    assert (await admin.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404
    assert await store.feed_items.page(parse_id(feed["id"])) == []
    for gone in (path, "/feeds/x", "/imports/x", f"/imports/{feed['id']}", f"{path}/items"):
        assert (await api.get(gone)).status_code == 404


async def test_items_are_searched_and_paged(api: httpx2.AsyncClient, store: Store):
    await api.post("/imports", json={"url": "https://a.example/feed"})
    [feed] = (await api.get("/feeds?search=a.example")).json()["items"]
    for n in range(3):
        await stored(store, feed["id"], str(n), f"Item {n} 100%")
    path = f"/api/v1/feeds/{feed['id']}/items"
    found = (await api.get(path, params={"search": "item 1"})).json()["items"]
    assert [item["title"] for item in found] == ["Item 1 100%"]
    assert [
        len((await api.get(path, params={"search": text})).json()["items"]) for text in ("100%", "_", "x%")
    ] == [3, 0, 0]
    first = (await api.get(path, params={"limit": 2})).json()
    rest = (await api.get(path, params={"limit": 2, "cursor": first["next"]})).json()
    assert [item["guid"] for item in first["items"] + rest["items"]] == ["2", "1", "0"]
    assert rest["next"] is None


async def test_what_is_exported_is_imported_again(api: httpx2.AsyncClient):
    await api.post("/imports", json={"opml": OPML})
    exported = await api.get("/feeds/opml")
    assert exported.headers["content-type"].startswith("text/x-opml")
    again = await api.post("/imports", json={"opml": exported.text})
    assert again.json()["sources"] == 1
    assert [feed["title"] for feed in (await api.get("/feeds")).json()["items"]] == ["A"]


async def test_pages_show_imports_feeds_and_items_and_act(browser: httpx2.AsyncClient, store: Store):
    page = (await browser.get("/imports")).text
    name, token = re.search(r'type="hidden" name="([^"]+)" value="([^"]+)"', page).groups()
    wrong = await browser.post("/imports", data={name: token, "urls": "no address"}, headers=FORM)
    assert wrong.status_code == 422
    assert "no address" in wrong.text
    sent = {name: token, "urls": "https://a.example/feed\n\nhttps://b.example/"}
    started = await browser.post(
        "/imports", data=sent, files={"opml": ("feeds.opml", OPML.encode(), "text/xml")}, headers=FORM
    )
    assert started.status_code == 303, started.text
    shown = (await browser.get(started.headers["location"])).text
    assert "https://b.example/" in shown
    assert "0 of 2 feeds fetched" in shown
    source = (await store.feeds.active())[0]
    await stored(store, str(source.id), "1", "<b>News</b>")
    page = (await browser.get(f"/feeds/{source.id}")).text
    assert "&lt;b&gt;News" in page
    assert "Import now" in page
    for action, where in [
        ("pause", f"/feeds/{source.id}"),
        ("resume", f"/feeds/{source.id}"),
        ("remove", "/feeds"),
    ]:
        acted = await browser.post(f"/feeds/{source.id}/{action}", data={name: token}, headers=FORM)
        assert (acted.status_code, acted.headers.get("location")) == (303, where), acted.text
    assert len(await store.feeds.active()) == 1
    assert "https://b.example/" in (await browser.get("/feeds")).text


@pytest.mark.parametrize("path", ["/feeds", "/api/v1/feeds"])
async def test_feeds_are_followed_without_an_import_and_are_due_at_once(api: httpx2.AsyncClient, path: str):
    body = {"url": "https://A.example/feed", "urls": ["https://b.example/"], "interval": 600}
    answer = await api.post(path, json=body)
    assert answer.status_code == 201, answer.text
    assert [one["url"] for one in answer.json()["items"]] == ["https://a.example/feed", "https://b.example/"]
    for one in answer.json()["items"]:
        assert (one["interval"], one["health"]) == (600, "new")
        assert datetime.fromisoformat(one["next_fetch_at"]) <= datetime.now(UTC)
    assert (await api.get("/imports")).json()["items"] == []
    again = (await api.post(path, json={"opml": OPML, "interval": 900})).json()["items"]
    assert [one["interval"] for one in again] == [900]
    found = (await api.get(path, params={"url": "https://A.EXAMPLE/feed"})).json()["items"]
    assert [one["id"] for one in found] == [again[0]["id"]]
    for unknown in ("https://a.example/", "no address"):
        assert (await api.get(path, params={"url": unknown})).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, ""), ({"url": "no address"}, "/url"), ({"url": "https://a.example/", "interval": 1}, "/interval")],
)
async def test_what_can_not_be_followed_is_refused(
    api: httpx2.AsyncClient, body: dict[str, object], pointer: str
):
    refused = await api.post("/feeds", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await api.get("/feeds")).json()["items"] == []


async def test_one_feed_is_fetched_now_and_jobs_are_counted_and_cleaned(
    api: httpx2.AsyncClient, admin: httpx2.AsyncClient, store: Store
):
    [feed] = (await api.post("/feeds", json={"url": "https://a.example/feed"})).json()["items"]
    started = await api.post(f"/feeds/{feed['id']}/import")
    assert (started.status_code, started.json()["sources"]) == (202, 1)
    assert (await api.get(started.headers["location"])).json()["feeds"][0]["source"] == feed["id"]
    counts = (await api.get("/api/v1/feeds/counts")).json()
    assert counts["feeds"] == {"active": 1, "failing": 0, "paused": 0, "gone": 0, "due": 0}
    assert counts["jobs"]["feeds"]["queued"] == 1
    assert counts["jobs"]["feed-items"] == dict.fromkeys(counts["jobs"]["feeds"], 0)

    await store.jobs.cancel([parse_id(one["job"]) for one in await feeds_of(api, started)], "ann")
    assert (await api.post("/feeds/clean", json={})).status_code == 403
    assert (await admin.post("/feeds/clean", json={"older_than": 3600})).json()["removed"] == 0
    assert (await admin.post("/api/v1/feeds/clean", json={"states": ["failed"]})).json()["removed"] == 0
    cleaned = await admin.post("/feeds/clean", json={"states": ["cancelled"]})
    assert cleaned.json() == {"removed": 1, "more": False}
    history = (await api.get("/imports")).json()["items"]
    assert [one["status"] for one in history] == ["finished"]  # a list, too, sees that its job is gone


async def feeds_of(api: httpx2.AsyncClient, started: httpx2.Response) -> list[dict[str, str]]:
    return (await api.get(started.headers["location"])).json()["feeds"]


async def test_the_page_follows_feeds_and_shows_when_they_are_due(browser: httpx2.AsyncClient):
    page = (await browser.get("/feeds")).text
    name, token = re.search(r'type="hidden" name="([^"]+)" value="([^"]+)"', page).groups()
    wrong = await browser.post("/feeds", data={name: token, "urls": "no address"}, headers=FORM)
    assert (wrong.status_code, "no address" in wrong.text) == (422, True)
    sent = {name: token, "urls": "https://a.example/feed"}
    followed = await browser.post("/feeds", data=sent, headers=FORM)
    assert (followed.status_code, followed.headers["location"]) == (303, "/feeds")
    page = (await browser.get("/feeds")).text
    assert "https://a.example/feed" in page
    assert "1 fetched well, 0 failing, 0 paused, 0 gone; 1 due now." in page


@pytest.mark.parametrize(
    ("entered", "fault"),
    [("59", "60"), ("1e12", "60"), ("soon", "is no number"), ("", "is no number"), ("nan", "60")],
)
async def test_the_page_of_a_feed_sets_its_interval_and_says_what_is_wrong(
    browser: httpx2.AsyncClient, store: Store, entered: str, fault: str
):
    [source] = await store.feeds.add([("https://a.example/feed", "")], "ann")
    page = (await browser.get(f"/feeds/{source.id}")).text
    name, token = re.search(r'type="hidden" name="([^"]+)" value="([^"]+)"', page).groups()
    action = f"/feeds/{source.id}/interval"
    assert f'<form method="post" action="{action}"' in page
    assert re.search(r'name="interval" value="3600" min="60" max="2592000"', page)
    wrong = await browser.post(action, data={name: token, "interval": entered}, headers=FORM)
    assert (wrong.status_code, (await store.feeds.all_active())[0].interval) == (422, 3_600)
    assert fault in re.search(r'role="alert">([^<]+)<', wrong.text).group(1)
    right = await browser.post(action, data={name: token, "interval": "900"}, headers=FORM)
    assert (right.status_code, right.headers["location"]) == (303, f"/feeds/{source.id}")
    assert (await store.feeds.all_active())[0].interval == 900
    assert 'value="900"' in (await browser.get(f"/feeds/{source.id}")).text
    forged = await browser.post(action, data={"interval": "600"}, headers=FORM)
    assert (forged.status_code, (await store.feeds.all_active())[0].interval) == (403, 900)
    [entry, *_] = await store.audit.page()
    assert (entry.action, entry.subject) == ("patch", str(source.id))
