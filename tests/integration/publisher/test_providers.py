"""Providers over HTTP and as a page: made, changed, removed; no secret is ever stored or repeated."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.page import page_of, send, signed_in

from corral.actions.access.principal import Role
from corral.catalog.provider import Provider
from corral.catalog.record import declaration_of
from corral.store import Store

SECRET = "sk-live-0123456789abcdef"
VALUES = {
    "url": "https://api.example.com/v1",
    "headers": {"X-Api-Key": "env:PROVIDER_MAPS"},
    "per_day": 5_000,
}


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with signed_in(app, store, Role.ADMIN) as client:
        yield client


async def each_of(store: Store, name: str) -> int | None:
    """What the limit of slots lets run."""
    statement = (
        "SELECT overrides FROM corral.limit_overrides WHERE limit_name = 'provider-slots' AND key = %(key)s"
    )
    rows = await store.database.run(statement, {"key": name})
    return rows[0][0]["each"] if rows else None


async def test_a_provider_is_made_changed_and_removed_and_the_audit_says_who(
    admin: httpx2.AsyncClient, store: Store
):
    made = await admin.patch("/api/v1/providers/maps", json={"values": VALUES, "reason": "we pay for it"})
    assert made.status_code == 200, made.text
    assert made.json()["values"] == {
        **VALUES,
        "timeout": 60,
        "max_bytes": 10_485_760,
        "slots": 2,
        "transit": 0.25,
        "per_second": None,
        "bytes_per_day": None,
    }
    assert await each_of(store, "maps") == 2
    changed = (
        await admin.patch("/api/v1/providers/maps", json={"values": {"slots": 7, "per_day": None}})
    ).json()
    assert (changed["values"]["slots"], changed["values"]["per_day"]) == (7, None)
    assert changed["overrides"] == {"url": VALUES["url"], "headers": VALUES["headers"], "slots": 7}
    assert await each_of(store, "maps") == 7
    assert [one["name"] for one in (await admin.get("/api/v1/providers")).json()["items"]] == ["maps"]
    assert (await admin.delete("/api/v1/providers/maps")).status_code == 204
    assert await each_of(store, "maps") is None
    assert (await admin.get("/api/v1/providers/maps")).status_code == 404
    assert (await admin.delete("/api/v1/providers/maps")).status_code == 404
    entries = await store.audit.page(kind="provider", subject="maps")
    assert [(one.actor, one.action) for one in entries] == [
        ("admin", "remove"),
        ("admin", "set"),
        ("admin", "set"),
    ]
    assert entries[-1].details == {"overrides": VALUES, "reason": "we pay for it"}


@pytest.mark.parametrize(
    ("values", "pointer"),
    [
        ({"headers": {"X-Api-Key": SECRET}}, "/values/headers/X-Api-Key"),
        ({"url": f"https://me:{SECRET}@api.example.com"}, "/values/url"),
        ({"password": SECRET}, "/values/password"),
        ({"slots": 0}, "/values/slots"),
        ({"slots": 3}, "/values/url"),
        ({**VALUES, "bytes_per_day": 1_000}, "/values/bytes_per_day"),
        ({}, "/values"),
    ],
)
async def test_what_is_wrong_is_named_and_no_secret_repeated(
    admin: httpx2.AsyncClient, store: Store, values: dict[str, object], pointer: str
):
    refused = await admin.patch("/api/v1/providers/maps", json={"values": values})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert SECRET not in refused.text
    assert await store.providers.all() == []
    assert (await admin.patch("/api/v1/providers/Maps!", json={"values": VALUES})).status_code == 422


async def test_only_an_administrator_says_where_a_secret_is_sent(api: httpx2.AsyncClient):
    assert (await api.get("/api/v1/providers")).json() == {"items": [], "next": None}
    assert (await api.patch("/api/v1/providers/maps", json={"values": VALUES})).status_code == 403
    assert (await api.delete("/api/v1/providers/maps")).status_code == 403


async def test_what_an_operator_set_survives_registrations_and_older_ones_change_nothing(store: Store):
    declared = Provider("maps", url="https://one.example.com", slots=3)
    newer = declaration_of(declared)
    assert await store.providers.register([newer]) == ["maps"]
    assert await store.providers.register([newer]) == []
    assert await each_of(store, "maps") == 3
    await store.providers.set("maps", {"slots": 9}, "ann", None)
    again = declaration_of(Provider("maps", url="https://two.example.com", slots=4))
    assert await store.providers.register([again]) == ["maps"]
    found = await store.providers.get("maps")
    assert found is not None
    assert (found.values.url, found.values.slots) == ("https://two.example.com", 9)
    assert await each_of(store, "maps") == 9


async def test_the_page_lists_and_sets_them(browser: httpx2.AsyncClient):
    assert "No providers yet" in (await page_of(browser, "/providers")).text
    fields = {"name": "maps", "url": "https://api.example.com/", "slots": "3", "header": "X-Api-Key"}
    refused = await send(browser, "/providers", **fields, secret=SECRET)
    assert refused.status_code == 422
    assert "must name where the secret is" in refused.text
    done = await send(browser, "/providers", **fields, secret="env:PROVIDER_MAPS", reason="new")
    assert (done.status_code, done.headers["location"]) == (303, "/providers")
    shown = (await page_of(browser, "/providers")).text
    assert "X-Api-Key from env:PROVIDER_MAPS" in shown
    assert "0 of 3" in shown
