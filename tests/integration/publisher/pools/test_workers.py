"""Workers, over HTTP and on their page: who lives, draining one, and letting it work again."""

import httpx2
from fastapi import FastAPI
from tests.integration.publisher.conftest import Hand, make_hand
from tests.integration.publisher.page import Page, page_of, send, signed_in

from corral.actions.access.principal import Role
from corral.store import Store


async def drained_for_pool(store: Store, name: str) -> None:
    """As the leader does that reads the requests of the pool `io`."""
    term = await store.leases.acquire("the test", await store.leases.read())
    assert term is not None
    assert await store.workers.drain_for([name], "pool:io", term)


def forms(page: Page) -> set[str]:
    """Where the page's forms lead, of those that do something to workers."""
    actions = (attrs.get("action") or "" for tag, attrs in page.tags if tag == "form")
    return {action for action in actions if action.startswith("/workers/")}


async def test_workers_are_listed_drained_and_let_work_again(
    api: httpx2.AsyncClient, store: Store, stranger: httpx2.AsyncClient
):
    assert (await stranger.get("/health/workers")).status_code == 503
    hand = await make_hand(store, name="one")
    health = await stranger.get("/health/workers")
    assert (health.status_code, health.json()["active"]) == (200, 1)
    (worker,) = (await api.get("/api/v1/workers")).json()["items"]
    assert (worker["name"], worker["state"], worker["running"]) == ("one", "active", 0)
    assert (await api.post("/api/v1/workers/one/drain")).json() == {"drained": [str(hand.id)]}
    (worker,) = (await api.get("/api/v1/workers")).json()["items"]
    assert (worker["state"], worker["drained_by"], worker["sealed"]) == ("draining", "operator", False)
    health = (await stranger.get("/health/workers")).json()
    assert (health["draining"], health["sealed"]) == (1, 0)
    assert (await api.post("/api/v1/workers/none/drain")).status_code == 404
    assert (await api.post(f"/api/v1/workers/{hand.id}/undrain")).json() == {"undrained": [str(hand.id)]}
    (worker,) = (await api.get("/api/v1/workers")).json()["items"]
    assert (worker["state"], worker["drained_by"]) == ("active", None)
    assert (await api.post("/api/v1/workers/one/undrain")).json() == {"undrained": []}
    assert (await api.post("/api/v1/workers/none/undrain")).status_code == 404
    await store.workers.stop(hand.id)
    assert (await api.get("/api/v1/workers")).json()["items"] == []
    assert (await api.get("/api/v1/workers?ended=5")).json()["items"][0]["state"] == "stopped"


async def test_a_person_is_told_who_lifts_the_drain_of_a_pool(api: httpx2.AsyncClient, store: Store):
    await make_hand(store, name="io-a")
    await drained_for_pool(store, "io-a")
    answer = await api.post("/api/v1/workers/io-a/undrain")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:corral:problem:conflict")
    assert "is to leave pool io; only what scales the pool lifts" in answer.json()["detail"]
    (worker,) = (await api.get("/api/v1/workers")).json()["items"]
    assert (worker["state"], worker["drained_by"]) == ("draining", "pool:io")


async def test_a_worker_is_drained_and_let_work_again_from_its_page(
    browser: httpx2.AsyncClient, hand: Hand, store: Store
):
    assert forms(await page_of(browser, "/workers")) == {f"/workers/{hand.id}/drain"}
    await send(browser, f"/workers/{hand.id}/drain")
    shown = await page_of(browser, "/workers")
    assert "draining by ann" in " ".join(shown.text.split())
    assert forms(shown) == {f"/workers/{hand.id}/undrain"}
    await send(browser, f"/workers/{hand.id}/undrain")
    (worker,) = await store.workers.list()
    assert (worker.state, worker.drained_by) == ("active", None)
    assert [entry.action for entry in await store.audit.page(kind="worker", subject=str(hand.id))] == [
        "undrain",
        "drain",
    ]
    await drained_for_pool(store, "hand")
    shown = await page_of(browser, "/workers")
    assert "by pool:io" in shown.text
    assert not forms(shown)
    refused = await send(browser, f"/workers/{hand.id}/undrain")
    assert refused.status_code == 409
    assert "is to leave pool io" in refused.text


async def test_a_viewer_sees_workers_and_drains_none(app: FastAPI, hand: Hand, store: Store):
    async with signed_in(app, store, Role.VIEWER) as viewer:
        shown = await page_of(viewer, "/workers")
        assert "hand" in shown.text
        assert not forms(shown)
        for action in ("drain", "undrain"):
            assert (await send(viewer, f"/workers/{hand.id}/{action}")).status_code == 403
