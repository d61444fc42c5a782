"""Providers from the row to the receiver: a worker of its own, a real server that judges, Postgres."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System, running_system

from corral.job.job import Job
from corral.job.limit_use import LimitUse, uses_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.json_codec import Document
from corral_jobs.area.handlers import ELEMENTS, GEOJSON
from corral_jobs.provider import slots
from corral_local.stand_in.http_server import StandInServer
from corral_local.stand_in.mood import Mood
from corral_local.stand_in.providers import StandIns

HOST = "127.0.0.4"
SECRET = "sk-0123456789abcdef-of-nobody"


@dataclass
class Providers:
    """A system with a worker, and providers that it calls."""

    system: System
    stand_ins: StandIns
    url: str

    async def run(
        self, type: str, payload: dict[str, Any], *, queue: str, state: State = State.COMPLETED
    ) -> Job:
        uses = [LimitUse(slots.name, payload.get("provider", "overpass"))]
        limits = uses_of(queue, Priority.NORMAL, uses)
        [job] = await self.system.submit(type, payload, queue=queue, retries=3, limits=limits)
        return await self.ended(job, state)

    async def ended(self, id: UUID, state: State = State.COMPLETED) -> Job:
        async def ended() -> Job:
            job = await self.system.store.jobs.get(id)
            assert job is not None
            assert job.state.terminal, (job.state, job.error)
            return job

        job = await eventually_async(ended, timeout=60)
        assert job.state is state, job.error
        return job


def result(job: Job) -> dict[str, Any]:
    value = job.result.value if isinstance(job.result, Document) else job.result
    assert isinstance(value, dict)
    return value


@pytest.fixture
async def providers(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Providers]:
    stand_ins = StandIns(key=SECRET, seconds=0)
    server = StandInServer(stand_ins.respond)
    url = f"http://{HOST}:{await server.start(HOST, 0)}"
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "google").write_text(SECRET)
    async with running_system(database_url, redis_url, tmp_path) as system:
        await system.register_types()
        store = system.store.providers
        await store.set("overpass", {"url": f"{url}/overpass/api/"}, "test", None)
        headers = {"X-Goog-Api-Key": "file:google"}
        await store.set("google", {"url": f"{url}/google", "headers": headers}, "test", None)
        await system.ready(handlers="", outgoing_allow=f"{HOST}/32", secrets_dir=secrets, slots_async=20)
        yield Providers(system, stand_ins, url)
    await server.close()


async def test_a_request_carries_the_providers_secret_and_nothing_stored_holds_it(providers: Providers):
    job = await providers.run(
        "http.request", {"provider": "google", "path": "v1/places", "query": {"q": "lake"}}, queue="requests"
    )
    assert result(job)["status"] == 200
    assert json.loads(result(job)["text"]) == {"path": "/google/v1/places", "query": "q=lake"}
    assert providers.stand_ins.judges["google"].told()["violations"] == {}

    echoed = await providers.run(
        "http.request", {"provider": "google", "query": {"said": SECRET}}, queue="requests"
    )
    assert json.loads(result(echoed)["text"])["query"] == "said=***"
    refused = await providers.run(
        "http.request",
        {"provider": "google", "headers": {"x-goog-api-key": "mine"}},
        queue="requests",
        state=State.FAILED,
    )
    assert "the header x-goog-api-key holds a secret of provider google" in refused.error["message"]
    elsewhere = await providers.run(
        "http.request", {"provider": "google", "path": "%2e%2e/counts"}, queue="requests", state=State.FAILED
    )
    assert "leads elsewhere" in elsewhere.error["message"]
    nobody = await providers.run("http.request", {"provider": "nobody"}, queue="requests", state=State.FAILED)
    assert "there is no provider nobody" in nobody.error["message"]
    rows = await providers.system.store.database.run("SELECT providers::text FROM corral.providers")
    assert SECRET not in str(rows)
    assert SECRET not in providers.system.workers[0].output


AREA = {"south": 47.30, "west": 8.50, "north": 47.36, "east": 8.56, "tags": {"landuse": "forest"}}


async def test_an_area_is_fetched_in_pieces_measured_and_drawn_and_asked_for_once(providers: Providers):
    judge = providers.stand_ins.judges["overpass"]
    job = await providers.run("area.fetch", {**AREA, "piece_degrees": 0.03}, queue="areas")
    fetched = result(job)
    assert (fetched["pieces"], fetched["requests"], fetched["shared"]) == (4, 4, 0)
    assert fetched["elements"] == 36  # those on the lines between pieces once
    measured = result(await providers.ended(UUID(fetched["measured_by"])))
    assert (measured["polygons"], measured["skipped"]) == (36, 0)
    assert 0 < measured["covered_m2"] < measured["box_m2"]
    assert measured["drawing"]["paths"]
    store = providers.system.store
    assert await store.artifacts.find(job.id, ELEMENTS)
    assert await store.artifacts.find(UUID(fetched["measured_by"]), GEOJSON)

    again = result(await providers.run("area.fetch", {**AREA, "piece_degrees": 0.03}, queue="areas"))
    assert (again["requests"], again["shared"], again["elements"]) == (0, 4, 36)
    assert judge.counts["requests"] == 4
    anew = {**AREA, "piece_degrees": 0.03, "share_seconds": 0}
    assert result(await providers.run("area.fetch", anew, queue="areas"))["requests"] == 4


async def test_bad_days_of_a_provider_are_survived(providers: Providers):
    moods = providers.stand_ins.moods["overpass"]
    moods.follow([Mood.TOO_MUCH])
    split = result(await providers.run("area.fetch", AREA, queue="areas"))
    assert (split["pieces"], split["requests"], split["elements"]) == (4, 5, 36)

    other = {**AREA, "west": 8.6, "east": 8.66}
    moods.follow([Mood.BUSY])
    await providers.system.maintained(heartbeat=5, lease=20)  # the worker beats as it always does
    job = await providers.run("area.fetch", other, queue="areas")
    assert result(job)["elements"] == 36
    assert job.attempt == 2
