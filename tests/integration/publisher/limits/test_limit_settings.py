"""What operators set for limits, their keys, and the limits of types and queues: who, why, which, and what does not fit."""

from typing import Any

import httpx2
import pytest
from tests.integration.publisher.limits.limited_types import Ask, register, told
from tests.integration.publisher.page import page_of, send

from corral.actions.limits.names import limit_names
from corral.catalog import Limit, Queue, Rate, job_type
from corral.catalog.record import declaration_of, record_of
from corral.store import Store

ATTEMPTS = Rate("attempts", 5, per=10, at="attempt")
CALLS = Rate("calls", 5, per=10, at="call")
BURST = Rate("burst", 5000, per=10, burst=2000, cost=900)
REFUSED = Limit("refused", each=1, by="customer", on_full="refuse")
NEWEST = Limit("newest", each=1, by="customer", on_full="supersede")
EXPORTS = Queue("exports")
export = job_type("acme.export", payload=Ask, queue=EXPORTS, limits=[REFUSED])
LIMITS = [declaration_of(one) for one in (ATTEMPTS, CALLS, BURST, REFUSED, NEWEST)]


@pytest.fixture
async def limits(store: Store) -> Store:
    await register(store)
    await store.registration.register([record_of(export)], limits=LIMITS, queues=[declaration_of(EXPORTS)])
    return store


async def _keys(api: httpx2.AsyncClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get(f"/api/v1/limits/fair/keys{query}")).json()["items"]
    return items


async def test_who_set_values_and_who_paused_are_told_apart(api: httpx2.AsyncClient, limits: Store):
    await api.patch("/api/v1/limits/api", json={"overrides": {"total": 5}, "reason": "they asked"})
    await limits.database.run("UPDATE corral.limit_overrides SET set_by = 'ann'")
    paused = (await api.post("/api/v1/limits/api/pause", json={"reason": "it is down"})).json()
    assert (paused["set_by"], paused["reason"]) == ("ann", "they asked")
    assert (paused["paused_by"], paused["paused_reason"]) == ("operator", "it is down")
    again = (await api.post("/api/v1/limits/api/pause")).json()
    assert [again[one] for one in ("paused_at", "paused_by", "paused_reason")] == [
        paused[one] for one in ("paused_at", "paused_by", "paused_reason")
    ]
    reset = (await api.post("/api/v1/limits/api/reset")).json()
    assert (reset["set_by"], reset["reason"]) == ("operator", "it is down")
    await api.patch("/api/v1/limits/api", json={"overrides": {"total": 6}, "reason": "again"})
    resumed = (await api.post("/api/v1/limits/api/resume")).json()
    assert (resumed["set_by"], resumed["reason"], resumed["paused_by"]) == ("operator", "again", None)


async def test_a_limit_says_how_many_of_its_keys_have_something_of_their_own(
    api: httpx2.AsyncClient, browser: httpx2.AsyncClient, limits: Store
):
    await api.post(
        "/api/v1/jobs", json={"type": "acme.plain", "payload": {"customer": "b"}, "limits": ["fair"]}
    )
    for key in ("a", "c"):
        await api.patch("/api/v1/limits/fair", json={"overrides": {"each": 3}, "key": key})
    shown = (await api.post("/api/v1/limits/fair/pause", json={"key": "c"})).json()
    assert (shown["keys_set"], shown["keys_paused"]) == (2, 1)
    assert [one["key"] for one in await _keys(api)] == ["a", "b", "c"]
    assert [one["key"] for one in await _keys(api, "?only_set=true")] == ["a", "c"]
    assert [one["key"] for one in await _keys(api, "?only_set=true&cursor=a")] == ["c"]
    page = await page_of(browser, "/limits/fair")
    assert "2 keys have values of their own" in page.text
    assert "1 key is paused" in page.text
    await send(browser, "/limits/fair/reset", key="c", reason="")
    assert "1 key has values of its own" in (await page_of(browser, "/limits/fair")).text


async def test_a_value_too_long_for_a_key_names_the_key_that_its_jobs_have(
    api: httpx2.AsyncClient, limits: Store
):
    long = "x" * 300
    await api.post(
        "/api/v1/jobs", json={"type": "acme.plain", "payload": {"customer": long}, "limits": ["fair"]}
    )
    await api.patch("/api/v1/limits/fair", json={"overrides": {"each": 3}, "key": long})
    ((one,), (same,)) = await _keys(api), await _keys(api, f"?key={long}")
    assert one == same
    assert (one["waiting"], one["overrides"], len(one["key"])) == (1, {"each": 3}, 200)


async def test_who_holds_a_slot_for_no_customer_shares_that_of_jobs_without_one(limits: Store):
    assert await limit_names(limits, "fair", "") == ("fair=*",)
    assert await limit_names(limits, "customer", "") == ("customer", "customer=*")


@pytest.mark.parametrize(
    ("limit", "value", "pointer", "reason"),
    [
        ("attempts", {"rate": 2000}, "/overrides/rate", "has at most 1,000"),
        ("calls", {"per": 0.1}, "/overrides/per", "a call may arrive 0.5 after it was taken"),
        ("burst", {"rate": 1500}, "/overrides/rate", "code declares a burst of 2,000"),
        ("burst", {"rate": 800}, "/overrides/rate", "one job costs 900: none could ever start"),
    ],
)
async def test_a_rate_that_code_could_not_declare_can_not_be_set(
    api: httpx2.AsyncClient, limits: Store, *, limit: str, value: dict[str, float], pointer: str, reason: str
):
    errors = told(await api.patch(f"/api/v1/limits/{limit}", json={"overrides": value}))
    assert reason in errors[pointer]
    assert (await api.get(f"/api/v1/limits/{limit}")).json()["overrides"] == {}


@pytest.mark.parametrize(
    ("path", "part", "names", "reason"),
    [
        ("types/acme.plain", "overrides", ["calls"], "calls is a rate of calls"),
        ("queues/plain", "overrides", ["calls"], "jobs of acme.plain: calls is a rate of calls"),
        ("queues/exports", "overrides", ["newest"], "only one limit of a job may"),
        ("queues/exports", "defaults", ["newest"], "only one limit of a job may"),
        ("queues/exports", "overrides", ["nowhere"], "there is no limit 'nowhere'"),
    ],
)
async def test_limits_that_would_refuse_every_job_can_not_be_set(
    api: httpx2.AsyncClient, limits: Store, *, path: str, part: str, names: list[str], reason: str
):
    errors = told(await api.patch(f"/api/v1/{path}", json={part: {"limits": names}}))
    assert reason in errors[f"/{part}/limits"]
    assert (await api.get(f"/api/v1/{path}")).json()[part] == {}


async def test_a_type_takes_no_limit_that_goes_not_with_those_of_its_queue(
    api: httpx2.AsyncClient, limits: Store
):
    answer = await api.patch("/api/v1/queues/plain", json={"overrides": {"limits": ["newest"]}})
    assert answer.status_code == 200
    patch = {"overrides": {"limits": ["refused"]}}
    errors = told(await api.patch("/api/v1/types/acme.plain", json=patch))
    assert "refused and newest each say" in errors["/overrides/limits"]
