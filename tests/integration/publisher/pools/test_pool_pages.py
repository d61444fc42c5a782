"""Pools and loads on their pages, as a browser without scripts uses them."""

import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import count
from tests.integration.publisher.page import FORM, Page, page_of, send, signed_in
from tests.integration.publisher.pools.telling import decision, status

from corral.actions.access.principal import Role
from corral.catalog.record import record_of
from corral.dispatch import Dispatch
from corral.store import JobFilter, Store
from corral_jobs import demo
from corral_publisher.views.pools import STALE_SECONDS


@pytest.fixture
async def viewer(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with signed_in(app, store, Role.VIEWER) as client:
        yield client


@pytest.fixture
async def ann(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    """An admin."""
    async with signed_in(app, store, Role.ADMIN) as client:
        yield client


async def test_every_place_shows_a_pool_its_reason_and_its_decisions(
    app: FastAPI, viewer: httpx2.AsyncClient, dispatch: Dispatch
):
    await dispatch.pools.report(status(conditions=("Limited",), oldest_seconds=12.0))
    await dispatch.pools.record(decision(3, 8))
    await app.state.services.pools.look()
    for path in ("/", "/pools", "/pools/io"):
        page = await page_of(viewer, path)
        text = " ".join(page.text.split())
        assert "Workers7 Target14 within 0 to 20 Queued910 Oldest job waits12 s goal 10 s" in text, path
        assert "8 → 14: 1,820 s of work queued, objective 120 s" in text
        assert "3 → 8: 910 queued for up to 3 s" in text
        assert "at its maximum" in text
        (chart,) = [attrs for tag, attrs in page.tags if tag == "figure"]
        assert "minutes: 7 to 7 workers, now 7" in (chart["aria-label"] or "")
        assert [attrs["class"] for tag, attrs in page.tags if tag == "g"] == ["mark up", "mark up"]
    queues = await page_of(viewer, "/queues")
    assert [attrs["href"] for tag, attrs in queues.tags if attrs.get("href") == "/pools/io"] == [
        "/pools/io"
    ] * 2
    assert "io 7 of 14" in " ".join(queues.text.split())


async def test_a_silent_pool_says_since_when(
    app: FastAPI, viewer: httpx2.AsyncClient, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
):
    await dispatch.pools.report(status(at=1_790_000_000.0))
    board = app.state.services.pools
    await board.look()
    assert "silent" not in (await page_of(viewer, "/pools/io")).text
    late = board._clock() + STALE_SECONDS + 1
    monkeypatch.setattr(board, "_clock", lambda: late)
    page = await page_of(viewer, "/pools/io")
    assert "no reports; the last came" in page.text
    times = [attrs["datetime"] for tag, attrs in page.tags if tag == "time"]
    assert times == ["2026-09-21T14:13:20.000+00:00"]
    assert "/pools/io" not in (await viewer.get("/queues")).text


async def test_the_log_of_decisions_is_paged_by_its_address(viewer: httpx2.AsyncClient, store: Store):
    term = await store.leases.acquire("test", None)
    assert term is not None
    await store.scaling.add([decision(number, number + 1) for number in range(60)], term)
    first = await page_of(viewer, "/pools/io")
    assert "No autoscaler has reported this pool within the last hour" in first.text
    assert rows(first) == 50
    older = next(attrs["href"] for tag, attrs in first.tags if attrs.get("rel") == "next")
    assert rows(await page_of(viewer, older or "")) == 10
    unknown = await viewer.get("/pools/nothing")
    assert (unknown.status_code, "there is no pool nothing" in unknown.text) == (404, True)


def rows(page: Page) -> int:
    return sum(tag == "tr" and (attrs.get("id") or "").startswith("decision-") for tag, attrs in page.tags)


async def test_without_a_pool_it_is_said_who_would_scale(viewer: httpx2.AsyncClient):
    assert "No autoscaler has reported a pool within the last hour" in (await page_of(viewer, "/pools")).text
    assert "Worker pools" not in (await page_of(viewer, "/")).text


async def test_an_admin_starts_a_load_and_is_led_to_its_jobs(ann: httpx2.AsyncClient, store: Store):
    await store.types.register([record_of(demo.cpu)])
    answer = await send(ann, "/load", kind="mixed", seconds="0.5", count="100", over="60")
    assert answer.status_code == 303, answer.text
    place = urlsplit(answer.headers["location"])
    assert place.fragment == "load-title"
    tag = f"load:{parse_qs(place.query)['load'][0]}"
    jobs = (await store.jobs.page(JobFilter(tag=tag), limit=200)).items
    assert {job.type: job.payload for job in jobs} == {
        "demo.echo": {"hello": "corral"},
        "demo.sleep": {"seconds": 0.5},
        "demo.cpu": {"seconds": 0.5},
    }
    assert [sum(job.type == f"demo.{name}" for job in jobs) for name in ("echo", "sleep", "cpu")] == [
        80,
        18,
        2,
    ]
    assert {job.created_by for job in jobs} == {"ann"}
    shown = await page_of(ann, f"{place.path}?{place.query}")
    assert shown.value("count") == "100"
    links = [attrs.get("href") or "" for _, attrs in shown.tags]
    assert f"/jobs?tag={quote(tag)}" in links


async def test_the_request_beside_the_form_does_the_same(
    ann: httpx2.AsyncClient, admin: httpx2.AsyncClient, store: Store
):
    shown = await ann.get("/?kind=demo.sleep&seconds=1.5&count=30&over=0")
    page = Page(shown.text)
    curl = page.text[page.text.index("curl http://publisher/api/v1/load") :]
    body = json.loads(curl[curl.index("-d '") + 4 : curl.index("'", curl.index("-d '") + 4)])
    assert body == {
        "mix": {"demo.sleep": {"share": 1, "payload": {"seconds": 1.5}}},
        "count": 30,
        "over": 0,
    }
    assert (await admin.post("/api/v1/load", json=body)).status_code == 201
    assert await count(store) == 30


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"count": "many"}, "/count"),
        ({"count": "10001"}, "/count"),
        ({"count": "1.5"}, "/count"),
        ({"over": "601"}, "/over"),
        ({"over": "nan"}, "/over"),
        ({"seconds": "x"}, "/seconds"),
        ({"seconds": "4000"}, "/mix/demo.sleep/payload/seconds"),
        ({"seconds": "nan"}, "/mix/demo.sleep/payload"),
        ({"seconds": "99999999999999999999"}, "/mix/demo.sleep/payload/seconds"),
        ({"seconds": "1e300", "over": "x"}, "/over"),
        ({"seconds": "1e400", "over": "-1e400"}, "/over"),
        ({"count": "9" * 30}, "/count"),
        ({"kind": "report.generate"}, "/kind"),
    ],
)
async def test_a_wrong_load_comes_back_with_what_was_typed_and_why(
    ann: httpx2.AsyncClient, store: Store, fields: dict[str, str], pointer: str
):
    sent = {"kind": "demo.sleep", "seconds": "1", "count": "10", "over": "0"} | fields
    answer = await send(ann, "/load", **sent)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "No job was submitted" in page.text
    assert pointer in page.text
    for name in fields.keys() - {"kind"}:
        assert page.value(name) == fields[name]
    assert await count(store) == 0


async def test_only_an_admin_sees_the_form_and_may_send_it(app: FastAPI, store: Store):
    for role in (Role.VIEWER, Role.OPERATOR):
        async with signed_in(app, store, role) as client:
            page = await page_of(client, "/")
            assert not [attrs for tag, attrs in page.tags if attrs.get("action") == "/load"]
            data = {
                "csrf": page.value("csrf"),
                "kind": "demo.echo",
                "seconds": "1",
                "count": "5",
                "over": "0",
            }
            assert (await client.post("/load", data=data, headers=FORM)).status_code == 403
    assert await count(store) == 0


async def test_a_load_of_another_site_starts_nothing(ann: httpx2.AsyncClient, store: Store):
    token = (await page_of(ann, "/")).value("csrf")
    data = {"csrf": token, "kind": "demo.echo", "seconds": "1", "count": "5", "over": "0"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {}):
        assert (await ann.post("/load", data=data, headers=headers)).status_code == 403
    data["csrf"] = "0" * 64
    assert (await ann.post("/load", data=data, headers=FORM)).status_code == 403
    assert await count(store) == 0
