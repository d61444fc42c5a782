"""Loads: bounded, mixed evenly, spread over time, for admins."""

from collections import Counter
from typing import Any

import httpx2
import pytest
from tests.integration.publisher.conftest import count

from corral.store import JobFilter, Store

SLEEP: dict[str, Any] = {
    "mix": {"demo.sleep": {"share": 1, "payload": {"seconds": 1}}},
    "count": 4,
    "over": 0,
}


async def start(admin: httpx2.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await admin.post("/api/v1/load", json=SLEEP | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_load_is_jobs_with_its_tag(admin: httpx2.AsyncClient, store: Store):
    answer = await admin.post("/api/v1/load", json=SLEEP)
    load = answer.json()
    assert load == {"id": load["id"], "tag": f"load:{load['id']}", "count": 4, "over": 0}
    jobs = (await store.jobs.page(JobFilter(tag=load["tag"]))).items
    assert [(job.type, job.payload, job.state, job.created_by) for job in jobs] == [
        ("demo.sleep", {"seconds": 1}, "queued", "admin")
    ] * 4
    listed = (await admin.get(answer.headers["location"])).json()
    assert len(listed["items"]) == 4


async def test_the_audit_names_who_started_a_load_and_what_it_is(admin: httpx2.AsyncClient, store: Store):
    mix = {"demo.sleep": {"share": 3, "payload": {"seconds": 0}}, "demo.echo": {"payload": "a secret"}}
    load = await start(admin, mix=mix, count=8, over=2.5)
    (entry,) = await store.audit.page(kind="load", subject=load["id"])
    assert (entry.actor, entry.action) == ("admin", "start")
    assert entry.details == {"mix": {"demo.sleep": 3, "demo.echo": 1}, "count": 8, "over": 2.5}


async def test_the_types_are_mixed_by_their_shares_throughout(admin: httpx2.AsyncClient, store: Store):
    mix = {"demo.sleep": {"share": 3, "payload": {"seconds": 0}}, "demo.echo": {}}
    await start(admin, mix=mix, count=40)
    jobs = (await store.jobs.page(limit=100)).items
    for begin in range(0, 40, 4):
        assert Counter(job.type for job in jobs[begin : begin + 4]) == {"demo.sleep": 3, "demo.echo": 1}


async def test_a_spread_load_becomes_due_evenly(admin: httpx2.AsyncClient, store: Store):
    await start(admin, count=5, over=100)
    jobs = (await store.jobs.page()).items[::-1]
    assert [job.state for job in jobs] == ["queued", *["scheduled"] * 4]
    due = [job.run_at or job.created_at for job in jobs]
    assert [round((moment - due[0]).total_seconds()) for moment in due] == [0, 20, 40, 60, 80]


async def test_ten_thousand_jobs_are_one_load(admin: httpx2.AsyncClient, store: Store):
    await start(admin, count=10_000)
    assert await count(store) == 10_000


@pytest.mark.parametrize(
    ("fields", "pointer", "detail"),
    [
        ({"count": 0}, "/count", "at least 1 and"),
        ({"count": 10_001}, "/count", "at most 10,000 jobs"),
        ({"count": "many"}, "/count", "whole number"),
        ({"over": 601}, "/over", "at most 600 seconds"),
        ({"over": -1}, "/over", "at least 0 and"),
        ({"mix": {}}, "/mix", "is 0; it must be at least 1 and at most 10 job types"),
        (
            {"mix": {f"t{n}": {} for n in range(11)}},
            "/mix",
            "is 11; it must be at least 1 and at most 10 job types",
        ),
        ({"mix": {"demo.sleep": {"share": 0}}}, "/mix/demo.sleep/share", "at least 1 and"),
        ({"mix": {"demo.sleep": {"speed": 1}}}, "/mix/demo.sleep/speed", "is not a known field"),
        ({"mix": {"demo.slep": {}}}, "/mix/demo.slep", "no job type 'demo.slep' is registered"),
        ({"mix": {"a/b": {}}}, "/mix/a~1b", "no job type 'a/b' is registered"),
        (
            {"mix": {"demo.echo": {}, "demo.sleep": {"payload": {"seconds": "long"}}}},
            "/mix/demo.sleep/payload/seconds",
            "number",
        ),
        ({"mix": {"demo.echo": {"payload": "x" * 100_001}}}, "/mix/demo.echo/payload", "the limit is"),
        ({"speed": 1}, "/speed", "is not a known field"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    admin: httpx2.AsyncClient, store: Store, fields: dict[str, Any], pointer: str, detail: str
):
    answer = await admin.post("/api/v1/load", json=SLEEP | fields)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert detail in error["detail"]
    assert await count(store) == 0
    assert not [entry for entry in await store.audit.page() if entry.kind == "load"]


async def test_only_admins_start_loads(api: httpx2.AsyncClient, store: Store):
    answer = await api.post("/api/v1/load", json=SLEEP)
    assert answer.status_code == 403
    assert await count(store) == 0
