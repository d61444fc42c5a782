"""What a submission over HTTP finds at limits that refuse, supersede, cancel or bound what waits."""

from typing import Any

import httpx2
import pytest
from pydantic import BaseModel
from tests.integration.publisher.conftest import make_hand
from tests.integration.publisher.limits.limited_types import told

from corral import metrics
from corral.catalog import Limit, job_type
from corral.catalog.record import declaration_of, record_of
from corral.job.limit_use import group_of
from corral.job.priority import Priority
from corral.store import Store


class Sync(BaseModel):
    account: str = ""


refusing = Limit("refusing", each=1, by="account", on_full="refuse")
superseding = Limit("superseding", each=1, by="account", on_full="supersede")
cancelling = Limit("cancelling", each=1, by="account", on_full="cancel-running")
bounded = Limit("bounded", each=1, by="account", max_waiting=2)
ordered = Limit("ordered", each=1, by="account", hold="life", per_worker=5)
TYPES = [
    job_type(f"sync.{one.name}", payload=Sync, queue="sync", limits=[one])
    for one in (refusing, superseding, cancelling, bounded, ordered)
]


@pytest.fixture
async def limits(store: Store) -> Store:
    declared = [declaration_of(one) for one in (refusing, superseding, cancelling, bounded, ordered)]
    await store.registration.register([record_of(one) for one in TYPES], limits=declared)
    return store


async def submit(api: httpx2.AsyncClient, name: str, account: str = "a", **more: Any) -> httpx2.Response:
    body = {"type": f"sync.{name}", "payload": {"account": account}}
    return await api.post("/api/v1/jobs", json=body, **more)


async def state(api: httpx2.AsyncClient, job: str) -> str:
    return str((await api.get(f"/api/v1/jobs/{job}")).json()["state"])


async def run(store: Store, name: str) -> None:
    """Have a worker claim the jobs of account a."""
    hand = await make_hand(store, name="one")
    group = group_of("sync", Priority.NORMAL, [f"{name}=a"])
    await store.limit_claims.claim(hand.id, hand.id, {group: 1}, [f"sync.{name}"], alone=False)


def count(metric: Any, *labels: str) -> float:
    return float(metric.labels(*labels)._value.get())


async def test_a_full_limit_answers_409_with_the_jobs_that_hold_it(api: httpx2.AsyncClient, limits: Store):
    first = (await submit(api, "refusing")).json()["id"]
    before = count(metrics.LIMIT_REFUSALS, "refusing", "full")
    await run(limits, "refusing")
    refused = await submit(api, "refusing")
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "urn:corral:problem:limit-full"
    assert (
        "the limit refusing for a is full: 1 of its jobs run and 0 wait, and it takes 1: "
        in problem["detail"]
    )
    (one,) = problem["refused"]
    assert (one["limit"], one["key"], one["running"], one["holders"]) == ("refusing", "a", 1, [first])
    assert count(metrics.LIMIT_REFUSALS, "refusing", "full") == before + 1
    assert (await submit(api, "refusing", "b")).status_code == 201
    keyed = await submit(api, "refusing", headers={"Idempotency-Key": "once"})
    assert (keyed.status_code, keyed.json()["refused"][0]["holders"]) == (409, [first])


async def test_a_bulk_fails_whole_or_stores_what_is_admitted(api: httpx2.AsyncClient, limits: Store):
    jobs = [{"type": "sync.refusing", "payload": {"account": name}} for name in ("a", "b", "a", "c", "b")]
    whole = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert whole.status_code == 409
    assert [one["index"] for one in whole.json()["refused"]] == [2, 4]
    assert (await api.get("/api/v1/jobs")).json()["items"] == []
    partial = (await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})).json()
    assert (partial["accepted"], partial["refused"]) == (3, 2)
    assert "is full" in partial["jobs"][2]["errors"][0]["detail"]


async def test_too_many_that_wait_answer_429_and_say_when_to_come_back(
    api: httpx2.AsyncClient, limits: Store
):
    for _ in range(2):
        assert (await submit(api, "bounded")).status_code == 201
    refused = await submit(api, "bounded")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert refused.json()["type"] == "urn:corral:problem:too-many-waiting"
    assert "2 jobs wait for the limit bounded for a, and at most 2 may" in refused.json()["detail"]
    patch = {"overrides": {"max_waiting": 3}, "key": "a"}
    assert (await api.patch("/api/v1/limits/bounded", json=patch)).status_code == 200
    assert (await submit(api, "bounded")).status_code == 201


async def test_the_newest_supersedes_and_the_job_says_by_whom(api: httpx2.AsyncClient, limits: Store):
    before = count(metrics.LIMIT_DISPLACED, "superseding", "superseded")
    first = (await submit(api, "superseding")).json()["id"]
    newest = (await submit(api, "superseding")).json()
    job = (await api.get(f"/api/v1/jobs/{first}")).json()
    assert (job["state"], job["error"]["kind"]) == ("cancelled", "superseded")
    assert newest["id"] in job["error"]["message"]
    assert newest["state"] == "queued"
    assert count(metrics.LIMIT_DISPLACED, "superseding", "superseded") == before + 1
    last = (await submit(api, "superseding", headers={"Idempotency-Key": "k"})).json()
    assert (await state(api, newest["id"]), last["state"]) == ("cancelled", "queued")


async def test_the_one_that_runs_is_asked_to_stop(api: httpx2.AsyncClient, limits: Store):
    first = (await submit(api, "cancelling")).json()["id"]
    await run(limits, "cancelling")
    second = (await submit(api, "cancelling")).json()
    running = (await api.get(f"/api/v1/jobs/{first}")).json()
    assert (running["state"], running["cancel_requested_at"] is not None) == ("running", True)
    assert second["state"] == "queued"


async def test_an_operator_changes_what_a_full_limit_does(api: httpx2.AsyncClient, limits: Store):
    patch = {"overrides": {"on_full": "supersede"}}
    shown = (await api.patch("/api/v1/limits/refusing", json=patch)).json()
    assert (shown["values"]["on_full"], shown["declared"]["on_full"]) == ("supersede", "refuse")
    first = (await submit(api, "refusing")).json()["id"]
    assert (await submit(api, "refusing")).status_code == 201
    assert await state(api, first) == "cancelled"
    wrong = told(await api.patch("/api/v1/limits/refusing", json={"overrides": {"on_full": "reject"}}))
    assert "must be one of queue, refuse, supersede, cancel-running" in wrong["/overrides/on_full"]
    not_counted = told(await api.patch("/api/v1/limits/bounded", json={"overrides": {"on_full": "refuse"}}))
    assert "declare on_full= in code first" in not_counted["/overrides/on_full"]


async def test_two_strategies_of_one_job_are_refused_by_name(api: httpx2.AsyncClient, limits: Store):
    body = {"type": "sync.refusing", "payload": {"account": "a"}, "limits": ["superseding"]}
    errors = told(await api.post("/api/v1/jobs", json=body))
    assert "refusing and superseding each say what happens when they are full" in errors["/limits"]


async def test_a_limit_shows_for_how_long_it_is_held_and_what_each_worker_may_run(
    api: httpx2.AsyncClient, limits: Store
):
    shown = (await api.get("/api/v1/limits/ordered")).json()
    assert (shown["values"]["hold"], shown["values"]["per_worker"]) == ("life", 5)
    patch = {"overrides": {"per_worker": 2}}
    shown = (await api.patch("/api/v1/limits/ordered", json=patch)).json()
    assert shown["values"]["per_worker"] == 2
    wrong = told(await api.patch("/api/v1/limits/ordered", json={"overrides": {"each": 2}}))
    assert "is held for life, one job at a time: it stays 1" in wrong["/overrides/each"]
    key = told(await api.patch("/api/v1/limits/ordered", json={"overrides": {"each": 2}, "key": "a"}))
    assert "it stays 1" in key["/overrides/each"]
