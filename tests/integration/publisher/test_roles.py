"""Who may call what: every route declares its role, keys and sessions prove it, foreign pages can't borrow it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Mount
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.page import URL, client_of

from corral.actions.access import api_keys as keys_module
from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.actions.access.secret import digest
from corral.errors import InvalidInput
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app
from corral_publisher.pages.visitor import Visitor
from corral_publisher.requests.auth import Requires

OPEN = {
    "/healthz",
    "/readyz",
    "/health/workers",
    "/sign-in",
    "/sign-in/{link}",
    "/sign-out",
    "/",
    "/admin/queues",
    "/api/v1/openapi.json",
}
"""Probes, the way in and out, and what asks for itself (`/` leads to the sign-in or names the API)."""
ADMIN = {
    ("POST", "/api/v1/queues/{name}/clean"),
    ("POST", "/api/v1/load"),
    ("POST", "/load"),
    ("POST", "/feeds/{feed_id}/remove"),
    ("POST", "/feeds/clean"),
    ("POST", "/api/v1/feeds/clean"),
    ("DELETE", "/feeds/{feed_id}"),
    ("DELETE", "/api/v1/feeds/{feed_id}"),
    ("DELETE", "/api/v1/schedules/{name}"),
    ("POST", "/providers"),
    ("POST", "/providers/{name}/remove"),
    ("PATCH", "/api/v1/providers/{name}"),
    ("DELETE", "/api/v1/providers/{name}"),
    ("POST", "/api/v1/webhooks"),
    ("PATCH", "/api/v1/webhooks/{name}"),
    ("DELETE", "/api/v1/webhooks/{name}"),
    ("POST", "/api/v1/webhooks/{name}/rotate"),
}
LEAST = {"GET": Role.VIEWER, "POST": Role.OPERATOR, "PATCH": Role.OPERATOR, "DELETE": Role.OPERATOR}


def routes(app: FastAPI) -> Iterator[tuple[str, str, Role | None]]:
    """Method, path and the declared role of everything that is served."""
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.path == "/static"
            continue
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or set()
        roles = [
            item.call.role
            for item in (route.dependant.dependencies if isinstance(route, APIRoute) else [])
            if isinstance(item.call, Requires | Visitor)
        ]
        assert len(roles) <= 1, path
        for method in methods - {"HEAD"}:
            yield method, path, roles[0] if roles else None


def test_every_route_declares_its_role():
    app = create_app(Settings(database_url="postgresql://x/y", redis_url="redis://x"))
    seen = 0
    for method, path, role in routes(app):
        seen += 1
        if path in OPEN:
            assert role is None, path
        elif (method, path) in ADMIN:
            assert role is Role.ADMIN, path
        else:
            assert role is LEAST[method], (method, path)
    assert seen > 40


async def test_no_route_of_the_api_answers_without_its_role(
    app: FastAPI, keys: dict[Role, str], stranger: httpx2.AsyncClient
):
    order = list(Role)
    checked = 0
    for method, path, role in routes(app):
        if role is None or not path.startswith("/api/"):
            continue
        filled = re.sub(r"\{[^}]+\}", "00000000-0000-7000-8000-000000000000", path)
        answer = await stranger.request(method, filled, content=b"{}")
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["type"] == "urn:corral:problem:unauthenticated"
        for weaker in order[: order.index(role)]:
            async with client_of(app, keys[weaker]) as client:
                refused = await client.request(method, filled, content=b"{}")
            assert refused.status_code == 403, path
            assert role.value in refused.json()["detail"]
            checked += 1
    assert checked > 10


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer ", "Bearer", "Basic YTpi", "", "Bearer " + "x" * 10_000, "Bearer ä"]
)
async def test_a_key_that_is_none_is_refused(stranger: httpx2.AsyncClient, header: str):
    answer = await stranger.get("/api/v1/jobs", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0", "\u202ee", "x" * 101])
async def test_a_key_has_a_name_that_can_be_read(store: Store, name: str):
    actions = KeyActions(store)
    for refused in (
        actions.create(name, Role.VIEWER, actor="test"),
        actions.adopt("k" * 40, name, Role.VIEWER, actor="test"),
    ):
        with pytest.raises(InvalidInput, match="/name: is not 1 to 100 printable characters"):
            await refused
    assert await actions.list() == []


async def test_only_the_hash_of_a_key_is_stored(store: Store):
    key, stored = await KeyActions(store).create("ci", Role.VIEWER, actor="test")
    assert len(key) > 43
    assert (await store.keys.find(digest(key))) is not None
    assert key not in repr(stored)
    tables = await store.database.run("SELECT k::text FROM corral.api_keys k")
    assert not any(key in row[0] for row in tables)


async def test_a_revoked_key_is_refused(app: FastAPI, store: Store, monkeypatch: pytest.MonkeyPatch):
    made = KeyActions(store)
    key, stored = await made.create("ci", Role.VIEWER, actor="test")
    app.state.services.keys._found._seconds = 0.05
    async with client_of(app, key) as client:
        assert (await client.get("/api/v1/jobs")).status_code == 200
        await made.revoke(stored.id, actor="test")

        async def refused() -> bool:
            return (await client.get("/api/v1/jobs")).status_code == 401

        await eventually_async(refused)
    assert keys_module.TRUST_SECONDS <= 5


SAME: dict[str, Any] = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (SAME, 201),
        ({"Origin": URL}, 201),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_session_changes_things_only_from_our_own_pages(
    app: FastAPI, keys: dict[Role, str], headers: dict[str, str], status: int
):
    async with client_of(app, None) as browser:
        signed_in = await browser.post("/sign-in", data={"key": keys[Role.OPERATOR], "next": "/jobs"})
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/jobs")
        answer = await browser.post("/api/v1/jobs", json={"type": "test.anything"}, headers=headers)
        assert answer.status_code == status, answer.text
        assert (await browser.get("/api/v1/jobs")).status_code == 200
