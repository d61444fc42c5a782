"""A server that is there and does not do its part is told by /readyz, by why and by the start page, with the reason."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from psycopg import sql as text
from redis.asyncio import Redis
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import count
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.settings import Settings
from corral.store import Store
from corral_local.servers.valkey import EmbeddedValkey
from corral_publisher.app import create_app

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass(frozen=True)
class Publisher:
    """One publisher, its operator, and somebody who looks at its pages."""

    app: FastAPI
    api: httpx2.AsyncClient
    browser: httpx2.AsyncClient

    async def ready(self) -> tuple[int, dict[str, Any]]:
        answer = await self.api.get("/readyz")
        return answer.status_code, answer.json()

    async def submit(self) -> httpx2.Response:
        return await self.api.post("/api/v1/jobs", json={"type": "test.anything"})

    async def why(self, job: str) -> dict[str, str]:
        causes = (await self.api.get(f"/api/v1/jobs/{job}/why")).json()["causes"]
        return {cause["code"]: cause["message"] for cause in causes}

    async def problems(self) -> str:
        """What the start page says is wrong, once it is as new as a page may be."""
        page = (await self.browser.get("/")).text
        return page.partition(">Problems<")[2].partition("</section>")[0]

    async def is_ready(self) -> bool:
        return (await self.ready())[1]["status"] == "ready"


@asynccontextmanager
async def publisher(
    settings: Settings, store: Store, keys: dict[Role, str], **changes: Any
) -> AsyncIterator[Publisher]:
    app = create_app(Settings(**(settings.__dict__ | changes)))
    link = await SignIn(store).create_link("ann", Role.VIEWER)
    async with (
        app.router.lifespan_context(app),
        client_of(app, keys[Role.OPERATOR]) as api,
        client_of(app, None) as browser,
    ):
        browser.headers.update(HTML)
        assert (await browser.post(f"/sign-in/{link}")).status_code == 303
        yield Publisher(app, api, browser)


@pytest.fixture
async def client(own_valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    """A plain client, to hurt the server with."""
    made = Redis.from_url(own_valkey.url, decode_responses=True)
    yield made
    await made.aclose()


Hurt = Callable[[Redis], Awaitable[Any]]
REFUSALS: dict[str, tuple[Hurt, Hurt, str]] = {
    "a replica": (
        lambda redis: redis.replicaof("127.0.0.1", 1),
        lambda redis: redis.replicaof("NO", "ONE"),
        "it is a read-only replica: name the primary",
    ),
    "out of memory": (
        lambda redis: redis.config_set("maxmemory", 1),
        lambda redis: redis.config_set("maxmemory", 0),
        "its memory is full, so it takes nothing new",
    ),
    "without its replicas": (
        lambda redis: redis.config_set("min-replicas-to-write", 1),
        lambda redis: redis.config_set("min-replicas-to-write", 0),
        "too few of its replicas are connected",
    ),
    "without a right": (
        lambda redis: redis.acl_setuser("default", keys=["corral:*"], reset_keys=True),
        lambda redis: redis.acl_setuser("default", keys=["*"], reset_keys=True),
        "its user may not do what Corral needs",
    ),
    "without a command": (
        lambda redis: redis.acl_setuser("default", commands=["-rpush"]),
        lambda redis: redis.acl_setuser("default", commands=["+rpush"]),
        "its user may not do what Corral needs",
    ),
    "hanging": (
        lambda redis: redis.execute_command("CLIENT", "PAUSE", 60_000, "ALL"),
        lambda redis: redis.execute_command("CLIENT", "UNPAUSE"),
        "it does not answer in time",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_redis_that_takes_no_jobs_is_told_with_its_reason(
    settings: Settings,
    store: Store,
    keys: dict[Role, str],
    own_valkey: EmbeddedValkey,
    client: Redis,
    *,
    refusal: str,
):
    hurt, heal, reason = REFUSALS[refusal]
    async with publisher(settings, store, keys, redis_url=own_valkey.url) as here:
        job = (await here.submit()).json()["id"]
        await eventually_async(here.is_ready)
        assert await client.keys("*trial*") == [], "nothing is left of the trial"
        await hurt(client)

        async def told() -> bool:
            status, body = await here.ready()
            assert (status, body["status"]) == (200, "degraded")
            assert (body["missing"], body["degraded"]) == ([], ["redis"])
            return reason in body["details"]["redis"]

        await eventually_async(told)  # a look that takes too long on a busy machine tells of that
        assert (await here.submit()).status_code == 201, "work is accepted all the same"
        assert reason in (await here.why(job))["redis-refuses"]
        assert reason in await here.problems()
        if refusal != "hanging":
            await heal(client)
            await eventually_async(here.is_ready)
            assert "redis-refuses" not in await here.why(job)
            assert await here.problems() == ""


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def _freeze(admin: psycopg.Connection, on: bool) -> None:
    name = text.Identifier(admin.info.dbname)
    admin.execute(text.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(name, on))
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'corral%'"
    )


async def test_a_postgres_that_takes_no_writes_is_told_with_its_reason(
    settings: Settings, store: Store, keys: dict[Role, str], admin: psycopg.Connection
):
    async with publisher(settings, store, keys) as here:
        job = (await here.submit()).json()["id"]
        await eventually_async(here.is_ready)
        _freeze(admin, True)

        async def told() -> bool:
            status, body = await here.ready()
            return (status, body["missing"]) == (503, ["postgres"]) and "takes no writes" in body["details"][
                "postgres"
            ]

        await eventually_async(told)
        assert "takes no writes" in (await here.why(job))["postgres-refuses"]
        assert "takes no writes" in await here.problems()
        for path in (f"/api/v1/jobs/{job}", "/api/v1/jobs", "/api/v1/types", "/api/v1/stats"):
            assert (await here.api.get(path)).status_code == 200, "who looks needs no writes"
        refused = await here.submit()
        assert (refused.status_code, "takes no writes" in refused.text) == (503, True)
        admin.execute("SET default_transaction_read_only = off")
        _freeze(admin, False)
        await eventually_async(here.is_ready)
    assert await count(store) == 1, "nothing was left of the trials"


@pytest.fixture
def role(admin: psycopg.Connection, database_url: str) -> Iterator[tuple[str, str]]:
    """A role that may do everything, and the address with which it connects."""
    name, password = f"role_{admin.info.dbname}", "a-password"
    role = text.Identifier(name)
    admin.execute(text.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
    admin.execute(text.SQL("GRANT USAGE ON SCHEMA corral TO {}").format(role))
    admin.execute(text.SQL("GRANT ALL ON ALL TABLES IN SCHEMA corral TO {}").format(role))
    admin.execute(text.SQL("GRANT ALL ON ALL SEQUENCES IN SCHEMA corral TO {}").format(role))
    parts = urlsplit(database_url)
    place = parts.netloc.rpartition("@")[2]
    yield name, urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}"))
    admin.execute(text.SQL("DROP OWNED BY {}").format(role))
    admin.execute(text.SQL("DROP ROLE {}").format(role))


async def test_a_missing_privilege_is_told_and_submissions_are_refused_with_it(
    settings: Settings, store: Store, keys: dict[Role, str], admin: psycopg.Connection, role: tuple[str, str]
):
    name, url = role
    async with publisher(settings, store, keys, database_url=url) as here:
        assert (await here.submit()).status_code == 201
        admin.execute(text.SQL("REVOKE INSERT ON corral.jobs FROM {}").format(text.Identifier(name)))
        status, body = await here.ready()
        assert (status, body["missing"]) == (503, ["postgres"])
        assert "permission denied for table jobs" in body["details"]["postgres"]
        refused = await here.submit()
        assert (refused.status_code, refused.json()["dependency"]) == (503, "postgres")
        assert "permission denied for table jobs" in refused.json()["detail"]


async def test_a_full_disk_is_told_until_a_row_can_be_stored_again(
    settings: Settings, store: Store, keys: dict[Role, str], admin: psycopg.Connection
):
    """What a full disk answers: only an insert that has a row meets it."""
    async with publisher(settings, store, keys) as here:
        assert (await here.submit()).status_code == 201
        admin.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
            " 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$"
        )
        admin.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON corral.jobs FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
        assert (await here.submit()).status_code == 503
        status, body = await here.ready()
        assert (status, body["missing"]) == (503, ["postgres"])
        assert "No space left on device" in body["details"]["postgres"]
        admin.execute("DROP TRIGGER full_disk ON corral.jobs")
        assert (await here.ready())[0] == 200
        await eventually_async(here.is_ready)
        assert await count(store) == 1


async def test_a_postgres_that_hangs_is_told_in_time(settings: Settings, store: Store, keys: dict[Role, str]):
    with Proxy(settings.database_url) as proxy:
        async with publisher(settings, store, keys, database_url=proxy.url) as here:
            await eventually_async(here.is_ready)
            proxy.freeze()
            status, body = await here.ready()
            assert (status, body["missing"]) == (503, ["postgres"])
            assert "it does not answer in time" in body["details"]["postgres"]
            proxy.cut()
