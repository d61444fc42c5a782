"""Submitting while a server is away: accepted, refused by name, or answered with the ids to ask for."""

import asyncio

import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import count
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.dispatch import connection
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app


async def test_without_redis_jobs_are_accepted_all_the_same(
    settings: Settings, store: Store, keys: dict[Role, str], monkeypatch: pytest.MonkeyPatch
):
    # So that whoever waits for a command waits longer than a busy machine takes.
    monkeypatch.setattr(connection.answering.__wrapped__, "__defaults__", (120.0,))
    with Proxy(settings.redis_url) as proxy:
        app = create_app(Settings(**(settings.__dict__ | {"redis_url": proxy.url})))
        async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
            proxy.freeze()  # worse than a refusal: a command hangs
            async with asyncio.timeout(30):
                answer = await api.post("/api/v1/jobs", json={"type": "test.anything"})
            assert answer.status_code == 201
            for away in (proxy.freeze, proxy.cut):
                away()
                async with asyncio.timeout(30):
                    ready = await api.get("/readyz")
                body = ready.json()
                assert (ready.status_code, body["status"]) == (200, "degraded")
                assert (body["missing"], body["degraded"]) == ([], ["redis"])
                assert body["details"]["redis"].startswith("redis is not available: ")
            proxy.heal()

            async def back() -> bool:
                return (await api.get("/readyz")).json()["status"] == "ready"

            await eventually_async(back)
    assert await count(store) == 1


async def test_without_postgres_the_answer_names_it(settings: Settings, store: Store, keys: dict[Role, str]):
    with Proxy(settings.database_url) as proxy:
        app = create_app(Settings(**(settings.__dict__ | {"database_url": proxy.url})))
        async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
            assert (await api.post("/api/v1/jobs", json={"type": "test.anything"})).status_code == 201
            proxy.cut()
            answer = await api.post("/api/v1/jobs", json={"type": "test.anything"})
            assert answer.status_code == 503
            assert answer.json()["dependency"] == "postgres"
            assert answer.headers["retry-after"]
            ready = await api.get("/readyz")
            assert (ready.status_code, ready.json()["missing"]) == (503, ["postgres"])
            proxy.heal()

            async def back() -> bool:
                return (await api.post("/api/v1/jobs", json={"type": "test.anything"})).status_code == 201

            await eventually_async(back)


async def test_a_lost_commit_is_answered_with_its_id(settings: Settings, store: Store, keys: dict[Role, str]):
    """The server commits and is cut off before it can say so, and stays away."""
    with Proxy(settings.database_url) as proxy:
        app = create_app(Settings(**(settings.__dict__ | {"database_url": proxy.url})))
        async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
            assert (await api.post("/api/v1/jobs", json={"type": "test.anything"})).status_code == 201
            proxy.freeze()
            answering = asyncio.create_task(api.post("/api/v1/jobs", json={"type": "test.anything"}))
            await eventually_async(lambda: b"test.anything" in proxy.held)
            proxy.cut()
            answer = await answering
            assert answer.status_code == 503
            problem = answer.json()
            assert problem["type"] == "urn:corral:problem:outcome-unknown"
            assert len(problem["ids"]) == 1
