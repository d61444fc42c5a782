"""Limits and options of types and queues over HTTP: what is in force, setting it, what submissions store."""

from typing import Any

import httpx2
import pytest
from tests.integration.publisher.conftest import make_hand
from tests.integration.publisher.limits.limited_types import customer, register, told, uses
from tests.integration.publisher.page import page_of, send

from corral.actions.access.principal import Role
from corral.catalog import Limit
from corral.catalog.record import declaration_of
from corral.store import Store


@pytest.fixture
async def limits(store: Store) -> Store:
    await register(store)
    return store


async def test_keys_and_costs_are_evaluated_at_submission(api: httpx2.AsyncClient, limits: Store):
    cases: list[tuple[dict[str, Any], dict[str, Any], dict[str, float]]] = [
        (
            {"customer": "acme", "tokens": 5},
            {},
            {"api": 1, "customer": 1, "customer=acme": 1, "tokens": 5},
        ),
        ({}, {}, {"api": 1, "customer": 1, "customer=*": 1, "tokens": 1}),
        ({"customer": "*", "tokens": 0}, {}, {"api": 1, "customer": 1, "customer=**": 1}),
        (
            {"customer": "acme"},
            {"limits": ["fair", "api"]},
            {"api": 1, "customer": 1, "customer=acme": 1, "fair=acme": 1, "tokens": 1},
        ),
    ]
    for payload, more, taken in cases:
        body = {"type": "acme.ask", "payload": payload, **more}
        job = (await api.post("/api/v1/jobs", json=body)).json()
        assert await uses(limits, job["id"]) == taken
        assert job["state"] == "queued"
        assert job["retries"] == 7  # of its queue's declaration
        bulk = (await api.post("/api/v1/jobs/bulk", json={"jobs": [body]})).json()
        assert await uses(limits, bulk["jobs"][0]["id"]) == taken


async def test_a_long_value_is_a_key_of_bounded_length_and_its_own(api: httpx2.AsyncClient, limits: Store):
    keys = set()
    for text in ("x" * 5000, "x" * 4999 + "y"):
        body = {"type": "acme.plain", "payload": {"customer": text}, "limits": ["fair"]}
        job = (await api.post("/api/v1/jobs", json=body)).json()
        (name,) = await uses(limits, job["id"])
        keys.add(name)
        assert len(name) == len("fair=") + 200
    assert len(keys) == 2


async def test_what_can_not_be_evaluated_is_refused_by_field(api: httpx2.AsyncClient, limits: Store):
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"payload": {"tokens": 1001}}, "/payload/tokens", "the job could never start"),
        ({"payload": {"tokens": -1}}, "/payload/tokens", "is -1"),
        ({"limits": ["nowhere"]}, "/limits/0", "there is no limit 'nowhere'; known are api, customer"),
        ({"limits": [f"l{n}" for n in range(11)]}, "/limits", "11 items; it must have at most 10"),
        ({"limits": {"api": 5}}, "/limits", "must be a list"),
    ]
    for body, pointer, reason in cases:
        errors = told(await api.post("/api/v1/jobs", json={"type": "acme.ask", **body}))
        assert reason in errors[pointer]


async def test_a_limit_is_shown_with_what_is_in_force_in_use_and_waiting(
    api: httpx2.AsyncClient, limits: Store
):
    jobs = [
        (await api.post("/api/v1/jobs", json={"type": "acme.ask", "payload": {"customer": name}})).json()[
            "id"
        ]
        for name in ("acme", "acme", "acme", "zeta")
    ]
    hand = await make_hand(limits, name="one")
    held = await limits.database.run(
        """WITH j AS (UPDATE corral.jobs SET state = 'running', worker = %(worker)s, started_at = now()
                      WHERE id = %(id)s RETURNING limits)
           INSERT INTO corral.limit_keys (name, limit_name, key, in_use)
           SELECT n, split_part(n, '=', 1), split_part(n, '=', 2), 1 FROM j CROSS JOIN unnest(j.limits) n
           RETURNING name""",
        {"worker": hand.id, "id": jobs[0]},
    )
    assert len(held) == 4
    shown = {one["name"]: one for one in (await api.get("/api/v1/limits")).json()["items"]}
    assert list(shown) == ["api", "customer", "fair", "tokens"]
    assert (shown["customer"]["in_use"], shown["customer"]["waiting"]) == (1, 3)
    assert (shown["api"]["types"], shown["fair"]["types"]) == (["acme.ask"], [])
    assert shown["tokens"]["kind"] == "rate"
    one = (await api.get("/api/v1/limits/customer")).json()
    assert one["values"] | {"kind": "limit"} == customer.values
    assert [holder["job"] for holder in one["holders"]] == [jobs[0]]
    page = (await api.get("/api/v1/limits/customer/keys?limit=1")).json()
    (acme,) = page["items"]
    assert (acme["key"], acme["in_use"], acme["waiting"], page["next"]) == ("acme", 1, 2, "acme")
    assert (acme["holders"][0]["job"], acme["holders"][0]["worker"]) == (jobs[0], "one")
    rest = (await api.get("/api/v1/limits/customer/keys?cursor=acme")).json()
    assert ([one["key"] for one in rest["items"]], rest["next"]) == (["zeta"], None)
    assert (await api.get("/api/v1/limits/customer/keys?key=zeta")).json()["items"][0]["waiting"] == 1
    assert (await api.get("/api/v1/limits/none")).status_code == 404
    assert (await api.get("/api/v1/limits/none/keys")).status_code == 404


async def test_values_are_set_for_all_and_for_one_key_and_taken_back(api: httpx2.AsyncClient, limits: Store):
    patch = {"overrides": {"total": 50}, "reason": "the provider is slow"}
    shown = (await api.patch("/api/v1/limits/customer", json=patch)).json()
    assert (shown["values"]["total"], shown["declared"]["total"], shown["overrides"]) == (
        50,
        100,
        {"total": 50},
    )
    assert (shown["set_by"], shown["reason"]) == ("operator", "the provider is slow")
    await api.patch("/api/v1/limits/customer", json={"overrides": {"each": 10}, "key": "acme"})
    (acme,) = (await api.get("/api/v1/limits/customer/keys")).json()["items"]
    assert (acme["key"], acme["overrides"], acme["set_by"]) == ("acme", {"each": 10}, "operator")
    paused = (await api.post("/api/v1/limits/customer/pause", json={"reason": "down"})).json()
    assert (paused["paused"], paused["overrides"]) == (True, {"total": 50})
    await api.post("/api/v1/limits/customer/pause", json={"key": "zeta"})
    # What a deployment registers undoes nothing of it; older code changes nothing at all.
    older = declaration_of(Limit("customer", each=1, by="customer"))
    newer = declaration_of(Limit("customer", each=4, total=80, by="customer"))
    object.__setattr__(older, "version", "0+old")
    object.__setattr__(newer, "version", "9.0+new")
    assert await limits.limits.register([newer]) == ["customer"]
    assert await limits.limits.register([older]) == []
    shown = (await api.get("/api/v1/limits/customer")).json()
    assert (shown["declared"]["each"], shown["values"]["total"], shown["paused"]) == (4, 50, True)
    reset = (await api.post("/api/v1/limits/customer/reset")).json()
    assert (reset["values"]["total"], reset["paused"]) == (80, True)
    assert not (await api.post("/api/v1/limits/customer/resume")).json()["paused"]
    assert not (await api.post("/api/v1/limits/customer/resume", json={"key": "zeta"})).json()["paused"]
    await api.patch("/api/v1/limits/customer", json={"overrides": {"each": None}, "key": "acme"})
    assert (await api.get("/api/v1/limits/customer/keys")).json()["items"] == []
    audit = await limits.audit.page(kind="limit", subject="customer")
    assert [(one.actor, one.action) for one in reversed(audit)][:4] == [
        ("operator", "patch"),
        ("operator", "patch"),
        ("operator", "pause"),
        ("operator", "pause"),
    ]
    assert audit[-1].details == {"overrides": {"total": 50}, "reason": "the provider is slow"}


async def test_a_value_that_makes_no_sense_is_refused_by_name(api: httpx2.AsyncClient, limits: Store):
    cases: list[tuple[str, dict[str, Any], str, str]] = [
        ("customer", {"overrides": {"total": 0}}, "/overrides/total", "use `corral limits pause customer`"),
        ("customer", {"overrides": {"total": 1}}, "/overrides/total", "each would be 2 and total only 1"),
        ("customer", {"overrides": {"each": 1.5}}, "/overrides/each", "no whole number"),
        ("customer", {"overrides": {"each": "9"}}, "/overrides/each", 'is "9", which is no number'),
        (
            "customer",
            {"overrides": {"each": {"a": 1}}},
            "/overrides/each",
            "is an object, which is no number",
        ),
        ("customer", {"overrides": {"total": True}}, "/overrides/total", "is true, which is no number"),
        ("customer", {"overrides": {"a/b": 1}}, "/overrides/a~1b", "can be set: total, each, weights"),
        ("customer", {"overrides": {"totl": 5}}, "/overrides/totl", "can be set: total, each, weights"),
        ("customer", {"overrides": {"total": 5}, "key": "acme"}, "/overrides/total", "can be set: each"),
        ("customer", {"overrides": {"weights": {"acme": 0}}}, "/overrides/weights", "that of 'acme' is 0"),
        ("customer", {"overrides": {}}, "/overrides", "is empty"),
        ("fair", {"overrides": {"total": 5}}, "/overrides/total", "declare total= in code first"),
        ("api", {"overrides": {"total": 5}, "key": "acme"}, "/key", "is declared without by="),
        ("customer", {"overrides": {"weights": {"": 2}}}, "/overrides/weights", "has an empty key"),
        ("api", {"overrides": {"weights": {"a": 2}}}, "/overrides/weights", "weights are of keys"),
        ("customer", {"overrides": {"each": 1}, "key": ""}, "/key", "is empty; name a key, or leave it out"),
        ("customer", {"overrides": {"each": 1}, "key": "a\0"}, "/key", "contains a NUL character"),
        ("api", {"overrides": {"total": 5}, "reason": "a\0"}, "/reason", "contains a NUL character"),
        ("tokens", {"overrides": {"per": 0}}, "/overrides/per", "is 0; it must be at least 0.001"),
        ("tokens", {"overrides": {"rate": float(10**16)}}, "/overrides/rate", "at most"),
        ("tokens", {"overrides": {"rate": 5e-324}}, "/overrides/rate", "at least 0.000001"),
        ("api", {"overrides": {"total": 5}, "reason": "x" * 501}, "/reason", "at most 500"),
        ("api", {"override": {}}, "/override", "is not a known field"),
    ]
    for name, body, pointer, reason in cases:
        errors = told(await api.patch(f"/api/v1/limits/{name}", json=body))
        assert reason in errors[pointer]
        assert (await api.get(f"/api/v1/limits/{name}")).json()["overrides"] == {}


async def test_the_page_shows_limits_and_their_keys_and_pauses_them(
    browser: httpx2.AsyncClient, limits: Store
):
    page = await page_of(browser, "/limits")
    assert "each 2" in page.text
    assert any(attrs.get("href") == "/limits" for tag, attrs in page.tags if tag == "a")
    assert (await send(browser, "/limits/customer/pause", reason="down")).status_code == 303
    assert "down" in (await page_of(browser, "/limits")).text
    await send(browser, "/limits/customer/pause", key="acme & co", reason="")
    shown = await page_of(browser, "/limits/customer")
    assert "acme & co" in shown.text
    answer = await send(browser, "/limits/customer/set", each="", total="40", reason="")
    assert answer.status_code == 303
    found = await limits.limits.get("customer")
    assert found is not None
    assert (found.overrides, found.paused_at is not None) == ({"total": 40}, True)
    wrong = await send(browser, "/limits/customer/set", total="none", reason="")
    assert (wrong.status_code, "total" in wrong.text) == (422, True)
    nobody = await send(browser, "/limits/customer/pause", key="", reason="")
    assert (nobody.status_code, "is empty; name a key" in nobody.text) == (422, True)
    await send(browser, "/limits/customer/reset", reason="")
    await send(browser, "/limits/customer/resume", reason="")
    found = await limits.limits.get("customer")
    assert found is not None
    assert (found.overrides, found.paused_at) == ({}, None)
    assert (await send(browser, "/limits/customer/burn")).status_code == 404
    assert (await browser.get("/limits/none")).status_code == 404


async def test_roles_that_only_look_set_nothing(app: Any, keys: dict[Role, str], limits: Store):
    headers = {"Authorization": f"Bearer {keys[Role.VIEWER]}"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://publisher", headers=headers
    ) as viewer:
        assert (await viewer.get("/api/v1/limits")).status_code == 200
        assert (await viewer.patch("/api/v1/limits/api", json={"overrides": {"total": 1}})).status_code == 403
        assert (await viewer.post("/api/v1/limits/api/pause")).status_code == 403
        assert (await viewer.patch("/api/v1/types/acme.ask", json={"overrides": {}})).status_code == 403
