"""How much a caller may ask: counted by all publishers together, refused with the time to wait, off unless it is set."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import count
from tests.integration.publisher.page import HTML, client_of, signed_in

from corral.actions.access.principal import Role
from corral.dispatch import caller_rates
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app

JOB = {"type": "test.anything"}
PATH = "/api/v1/queues"


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis may take its time on a busy machine: nobody is let through for that."""
    monkeypatch.setattr(caller_rates, "TAKE_SECONDS", 30.0)


@asynccontextmanager
async def publisher(settings: Settings, **more: object) -> AsyncIterator[FastAPI]:
    app = create_app(replace(settings, **more))
    async with app.router.lifespan_context(app):
        yield app


def counted(metric: str, rate: str) -> float:
    return REGISTRY.get_sample_value(f"corral_caller_rate_{metric}_total", {"rate": rate}) or 0.0


@pytest.mark.usefixtures("patient")
async def test_two_publishers_let_as_much_through_as_one(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    async with (
        publisher(settings, api_rate="20/h") as one,
        publisher(settings, api_rate="20/h") as two,
        client_of(one, keys[Role.VIEWER]) as first,
        client_of(two, keys[Role.VIEWER]) as second,
        client_of(two, keys[Role.OPERATOR]) as other,
    ):
        answers = await asyncio.gather(*(client.get(PATH) for _ in range(15) for client in (first, second)))
        assert sorted(answer.status_code for answer in answers) == [200] * 20 + [429] * 10
        left = sorted(answer.headers["ratelimit"].partition(";t=")[0] for answer in answers)
        assert left == sorted([*(f'"requests";r={n}' for n in range(20)), *['"requests";r=0'] * 10])
        assert (await other.get(PATH)).status_code == 200  # each caller has its own


@pytest.mark.usefixtures("patient")
async def test_a_refusal_says_when_to_come_again_and_nothing_was_done(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    refused = counted("refused", "requests")
    async with publisher(settings, api_rate="3/h") as app, client_of(app, keys[Role.OPERATOR]) as api:
        with capture_logs() as logs:
            answers = [await api.post("/api/v1/jobs", json=JOB) for _ in range(6)]
        stored, late = answers[:3], answers[3:]
        assert {one.status_code for one in stored} == {201}
        said = late[0]
        assert said.status_code == 429
        assert said.headers["content-type"] == "application/problem+json"
        assert said.json()["type"] == "urn:corral:problem:rate-exceeded"
        after = said.headers["retry-after"]  # a request in twenty minutes, of which some have passed
        assert 1000 < int(after) <= 1200
        assert said.headers["ratelimit"] == f'"requests";r=0;t={after}'
        assert said.headers["ratelimit-policy"] == '"requests";q=3;w=3600'
        assert stored[0].headers["ratelimit-policy"] == '"requests";q=3;w=3600'
        assert said.headers["x-request-id"]
        lines = [line for line in logs if line["event"] == "api.rate_exceeded"]
        assert [line["caller"] for line in lines] == ["name:operator"]  # once, not for each
        assert counted("refused", "requests") - refused == sum(one.status_code == 429 for one in answers)
    assert await count(store) == sum(one.status_code == 201 for one in answers)


@pytest.mark.usefixtures("patient")
async def test_who_was_refused_is_let_in_again(settings: Settings, store: Store, keys: dict[Role, str]):
    async with publisher(settings, api_rate="1/2s") as app, client_of(app, keys[Role.OPERATOR]) as api:

        async def answered(status: int) -> bool:
            return (await api.get(PATH)).status_code == status

        for status in (200, 429, 200):
            await eventually_async(lambda status=status: answered(status))


@pytest.mark.usefixtures("patient")
async def test_whoever_is_not_signed_in_is_counted_by_address_and_health_and_assets_by_nobody(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    async with (
        publisher(settings, api_rate="4/h") as app,
        client_of(app, None) as stranger,
        client_of(app, "corral_wrong") as wrong,
        client_of(app, keys[Role.VIEWER]) as viewer,
    ):
        answers = [await one.get(PATH) for one in (stranger, wrong, stranger, wrong, stranger, wrong)]
        assert [one.status_code for one in answers] == [401, 401, 401, 401, 429, 429]
        for path in ("/healthz", "/readyz", "/health/workers", "/static/corral.css"):
            codes = {(await stranger.get(path)).status_code for _ in range(6)}
            assert 429 not in codes, path
        assert (await viewer.get(PATH)).status_code == 200


@pytest.mark.usefixtures("patient")
async def test_a_browser_gets_a_page(settings: Settings, store: Store):
    async with publisher(settings, api_rate="10/h") as app, signed_in(app, store, Role.VIEWER) as browser:
        answers = [await browser.get("/queues", headers=HTML) for _ in range(12)]
        assert answers[-1].status_code == 429
        assert answers[-1].headers["content-type"].startswith("text/html")
        assert answers[-1].headers["retry-after"]
        assert "ask again in" in answers[-1].text


@pytest.mark.usefixtures("patient")
async def test_jobs_are_counted_one_by_one_also_those_of_a_bulk(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    async with publisher(settings, api_job_rate="10/h") as app, client_of(app, keys[Role.OPERATOR]) as api:
        answer = await api.post("/api/v1/jobs", json=JOB)
        assert (answer.status_code, answer.headers["ratelimit"]) == (201, '"jobs";r=9;t=360')
        bulk = {"jobs": [JOB] * 12}  # more than are left: it is let through, and the next one waits longer
        assert (await api.post("/api/v1/jobs/bulk", json=bulk)).status_code == 201
        for answer in (
            await api.post("/api/v1/jobs", json=JOB),
            await api.post("/api/v1/jobs/bulk", json=bulk),
        ):
            assert answer.status_code == 429
            assert answer.headers["ratelimit-policy"] == '"jobs";q=10;w=3600'
            assert 1000 < int(answer.headers["retry-after"]) <= math.ceil(3600 / 10 * 4)
        assert (await api.get(PATH)).status_code == 200
    assert await count(store) == 13


async def test_a_redis_that_is_away_refuses_nobody(settings: Settings, store: Store, keys: dict[Role, str]):
    with Proxy(settings.redis_url) as proxy:
        async with (
            publisher(settings, redis_url=proxy.url, api_rate="2/h", api_job_rate="2/h") as app,
            client_of(app, keys[Role.OPERATOR]) as api,
        ):
            for away in (proxy.freeze, proxy.cut):
                away()
                unknown = counted("unknown", "requests")
                async with asyncio.timeout(10):
                    answers = [await api.post("/api/v1/jobs", json=JOB) for _ in range(5)]
                assert {one.status_code for one in answers} == {201}
                assert "ratelimit" not in answers[0].headers
                assert counted("unknown", "requests") - unknown == 5
            proxy.heal()

            async def counting() -> bool:
                return (await api.get(PATH)).status_code == 429

            await eventually_async(counting)


async def test_without_the_setting_nothing_is_counted(app: FastAPI, api: httpx2.AsyncClient, redis_url: str):
    import redis  # noqa: PLC0415  to look at what stands there

    assert (await api.post("/api/v1/jobs", json=JOB)).status_code == 201
    assert "ratelimit" not in (await api.get(PATH)).headers
    assert [one.cls.__name__ for one in app.user_middleware] == ["RequestMiddleware"]
    with redis.Redis.from_url(redis_url) as client:
        assert not list(client.scan_iter("corral:caller-rate:*"))


@pytest.mark.usefixtures("patient")
async def test_a_clock_of_redis_that_went_back_refuses_nobody_for_long(
    settings: Settings, store: Store, keys: dict[Role, str], redis_url: str
):
    import redis  # noqa: PLC0415  likewise

    with redis.Redis.from_url(redis_url) as client:
        client.set("corral:caller-rate:requests:name:viewer", "9e15")
    async with publisher(settings, api_rate="2/h") as app, client_of(app, keys[Role.VIEWER]) as api:
        assert [(await api.get(PATH)).status_code for _ in range(3)] == [200, 200, 429]
