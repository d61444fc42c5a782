"""Areas over HTTP and as pages: from the request to the drawing."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.page import page_of, send, signed_in

from corral import json_codec
from corral.actions.access.principal import Role
from corral.catalog.record import declaration_of, record_of
from corral.store import Store
from corral_jobs.area import fetch_area, measure_area
from corral_jobs.provider import slots

AREA = {"south": 47.35, "west": 8.5, "north": 47.4, "east": 8.6, "tags": {"landuse": "forest"}}
MEASURED = {
    "features": 1,
    "polygons": 1,
    "lines": 0,
    "points": 0,
    "skipped": 0,
    "area_m2": 4_000_000.0,
    "covered_m2": 2_000_000.0,
    "box_m2": 8_000_000.0,
    "length_m": 0.0,
    "largest": [{"id": "way/1", "name": "Wood <b>", "area_m2": 4_000_000.0}],
    "drawing": {
        "width": 640,
        "height": 320,
        "paths": [{"kind": "polygon", "label": "Wood <b>", "d": "M0 0L10 0L10 10Z"}],
        "left_out": 2,
    },
}


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    await store.registration.register(
        [record_of(fetch_area), record_of(measure_area)], limits=[declaration_of(slots)]
    )


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    async with signed_in(app, store, Role.ADMIN) as client:
        yield client


async def test_an_area_is_answered_at_once_and_waits_for_its_provider(api: httpx2.AsyncClient, store: Store):
    answer = await api.post("/areas", json=AREA)
    assert answer.status_code == 202, answer.text
    area = answer.json()["id"]
    assert answer.json() == {"id": area, "status": "pending"}
    assert answer.headers["Location"] == f"/api/v1/areas/{area}"
    job = await store.jobs.get(UUID(area))
    assert job is not None
    assert (job.type, job.queue) == ("area.fetch", "areas")
    rows = await store.database.run("SELECT limits FROM corral.jobs WHERE id = %(id)s", {"id": job.id})
    assert rows[0][0] == ["provider-slots=overpass"]
    shown = (await api.get(f"/api/v1/areas/{area}")).json()
    assert (shown["status"], shown["request"], shown["measured"]) == ("pending", AREA, None)
    assert [one["id"] for one in (await api.get("/areas")).json()["items"]] == [area]


async def test_the_same_area_asked_for_at_the_same_time_is_one(api: httpx2.AsyncClient, store: Store):
    first = (await api.post("/areas", json=AREA)).json()["id"]
    for headers in ({}, {"Idempotency-Key": "another"}):
        assert (await api.post("/areas", json=AREA, headers=headers)).json()["id"] == first
    other = (await api.post("/areas", json={**AREA, "tags": {"landuse": "farmland"}})).json()["id"]
    assert other != first
    assert len((await store.jobs.page(limit=10)).items) == 2


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        ({"north": 91}, "/north", "90"),
        ({"south": "47"}, "/south", "number"),
        ({"tags": {}}, "/tags", "at least 1"),
        ({"tags": {'a"]': "b"}}, "/tags", ""),
        ({"colour": 1}, "/colour", "not a known field"),
    ],
)
async def test_a_wrong_request_is_told_by_its_fields(
    api: httpx2.AsyncClient, change: dict[str, Any], pointer: str, said: str
):
    answer = await api.post("/api/v1/areas", json={**AREA, **change})
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["pointer"].startswith(pointer)
    assert said in error["detail"]
    assert (await api.post("/api/v1/areas", json=[])).status_code == 422


async def test_its_page_shows_the_drawing_and_what_failed(browser: httpx2.AsyncClient, store: Store):
    assert "No areas yet" in (await page_of(browser, "/areas")).text
    sides = {side: str(AREA[side]) for side in ("south", "west", "north", "east")}
    wrong = await send(
        browser, "/areas", **{**sides, "north": "x"}, tag="landuse=forest", provider="overpass"
    )
    assert wrong.status_code == 422
    sent = await send(browser, "/areas", **sides, tag="landuse=forest", provider="overpass")
    assert sent.status_code == 303, sent.text
    path = sent.headers["location"]
    [fetch] = await store.jobs.many([UUID(path.rpartition("/")[2])])
    measure = UUID("01995f6e-8c3a-7d42-9f0e-3b6c5a1d2e4f")
    await _completed(
        store, fetch.id, {"requests": 1, "shared": 0, "elements": 1, "measured_by": str(measure)}
    )
    assert "what it measured was removed" in (await page_of(browser, path)).text
    await _copy_as(store, fetch.id, measure)
    await _completed(store, measure, MEASURED)
    shown = (await browser.get(path)).text
    assert '<path class="polygon" d="M0 0L10 0L10 10Z"><title>Wood &lt;b&gt;</title></path>' in shown
    assert "2.00 km²" in shown
    assert f"/api/v1/jobs/{measure}/artifacts/area.geojson" in shown
    assert "25.0 %" in (await page_of(browser, "/areas")).text
    await store.database.run(
        "UPDATE corral.jobs SET state = 'failed', error = '{\"message\": \"no shapes\"}' WHERE id = %(id)s",
        {"id": measure},
    )
    assert "no shapes" in (await page_of(browser, path)).text


async def _completed(store: Store, job: UUID, result: dict[str, Any]) -> None:
    statement = (
        "UPDATE corral.jobs SET state = 'completed', result = %(result)s::jsonb, finished_at = now(), queued_at = NULL "
        "WHERE id = %(id)s"
    )
    await store.database.run(statement, {"id": job, "result": json_codec.dumps(result).decode()})


async def _copy_as(store: Store, job: UUID, id: UUID) -> None:
    statement = (
        "INSERT INTO corral.jobs (id, type, queue, priority, state, payload, retries, max_stalls, created_at, updated_at) "
        "SELECT %(copy)s, 'area.measure', queue, priority, 'queued', payload, retries, max_stalls, created_at, updated_at "
        "FROM corral.jobs WHERE id = %(id)s"
    )
    await store.database.run(statement, {"id": job, "copy": id})
