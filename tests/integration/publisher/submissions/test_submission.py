"""Submitting over HTTP: what is answered, what is stored, precedence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import Hand, Submit

from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.dispatch import Dispatch
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.settings import Settings
from corral.store import Store


async def test_a_submitted_job_is_answered_as_it_is_stored(api: httpx2.AsyncClient):
    body: dict[str, Any] = {
        "type": "test.letter",
        "payload": {"to": "Ann", "weights": [1, 2.5]},
        "queue": "express",
        "priority": "high",
        "retries": 7,
        "timeout": 12.5,
        "expires_in": 3600,
        "tags": ["urgent", "paper"],
    }
    answer = await api.post("/api/v1/jobs", json=body)
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    stored = (await api.get(answer.headers["location"])).json()
    assert stored == job
    left = datetime.fromisoformat(job["expires_at"]) - datetime.fromisoformat(job["created_at"])
    assert left == timedelta(seconds=body.pop("expires_in"))
    assert {name: job[name] for name in body} == body | {"tags": ["paper", "urgent"]}
    assert job["state"] == "queued"
    assert job["created_by"] == "operator"


async def test_a_queues_defaults_count_where_the_type_says_nothing(api: httpx2.AsyncClient, submit: Submit):
    body = {"defaults": {"retries": 7, "timeout": 5, "keep_finished": {"count": 3}}}
    patch = await api.patch("/api/v1/queues/post", json=body)
    assert patch.json()["defaults"] == body["defaults"]

    async def known() -> bool:
        job = await submit("test.anything", {})
        return (job["retries"], job["timeout"]) == (7, 5)

    await eventually_async(known)
    job = await submit("test.letter", {"to": "Ann"})
    assert (job["retries"], job["timeout"]) == (2, 60), "the type says these"
    types = {one["name"]: one for one in (await api.get("/api/v1/types")).json()["items"]}
    assert types["test.anything"]["options"]["retries"] == 7
    assert types["test.anything"]["sources"]["retries"] == "queue"
    assert types["test.letter"]["sources"]["retries"] == "type"
    one = (await api.get("/api/v1/types/test.anything")).json()
    assert one == types["test.anything"]
    assert (one["options"]["keep_finished"], one["sources"]["keep_failed"]) == (
        {"seconds": None, "count": 3},
        "default",
    )


async def test_what_is_left_out_comes_from_the_job_type(submit: Submit):
    job = await submit("test.letter", {"to": "Ann"})
    assert (job["queue"], job["retries"], job["timeout"], job["tags"]) == ("post", 2, 60.0, ["paper"])


async def test_precedence_is_submission_then_operator_then_type(
    api: httpx2.AsyncClient, submit: Submit, store: Store
):
    patch = await api.patch("/api/v1/queues/post", json={"overrides": {"retries": 9, "priority": "low"}})
    assert patch.status_code == 200
    assert patch.json()["overrides"] == {"retries": 9, "priority": "low"}

    async def overridden() -> bool:
        job = await submit("test.letter", {"to": "Ann"})
        return (job["retries"], job["priority"], job["timeout"]) == (9, "low", 60.0)

    await eventually_async(overridden)
    job = await submit("test.letter", {"to": "Ann"}, retries=1, priority="critical")
    assert (job["retries"], job["priority"]) == (1, "critical")
    assert (await submit("test.letter", {"to": "Ann"}, queue="express"))["retries"] == 2
    await api.patch("/api/v1/queues/post", json={"overrides": {"retries": None}})

    async def taken_back() -> bool:
        return (await submit("test.letter", {"to": "Ann"}))["retries"] == 2

    await eventually_async(taken_back)


async def test_a_trace_is_passed_on_and_a_strange_one_is_not(api: httpx2.AsyncClient, store: Store):
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for header in (good, "nonsense"):
        answer = await api.post(
            "/api/v1/jobs", json={"type": "test.anything"}, headers={"traceparent": header}
        )
        assert answer.status_code == 201
    rows = await store.database.run("SELECT traceparent FROM corral.jobs ORDER BY id")
    assert [row[0] for row in rows] == [good, None]


async def test_a_result_deeper_than_json_libraries_like_is_answered(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand
):
    job = await submit()
    await hand.complete(job["id"], "[" * 500 + "]" * 500)
    for path in (f"/api/v1/jobs/{job['id']}", "/api/v1/jobs"):
        answer = await api.get(path)
        assert answer.status_code == 200
        assert "[" * 500 in answer.text


async def test_a_delayed_job_is_scheduled(submit: Submit):
    job = await submit(delay=60)
    due = datetime.fromisoformat(job["run_at"])
    assert job["state"] == "scheduled"
    assert due - datetime.fromisoformat(job["created_at"]) == timedelta(seconds=60)
    moment = datetime.now(UTC) + timedelta(days=1)
    job = await submit(run_at=moment.isoformat())
    assert (job["state"], datetime.fromisoformat(job["run_at"])) == ("scheduled", moment)
    assert (await submit(run_at="2020-01-01T00:00:00Z"))["state"] == "queued"


async def test_a_committed_job_is_handed_to_redis(submit: Submit, settings: Settings):
    job = await submit(priority="high")
    dispatch = Dispatch.open(settings.redis_url)
    lane = Lane("post", Priority.HIGH)

    async def there() -> bool:
        return (await dispatch.repair.depths([lane]))[lane].listed == 1

    await eventually_async(there)
    popped = (await dispatch.lanes.pop("w", [lane], 10, wait=False)).popped
    assert [str(entry.id) for entry in popped] == [job["id"]]
    await dispatch.close()


async def test_a_type_that_is_registered_later_is_known_at_once(
    api: httpx2.AsyncClient, submit: Submit, store: Store
):
    assert (await api.post("/api/v1/jobs", json={"type": "test.newcomer"})).status_code == 422
    await store.types.register([record_of(job_type("test.newcomer", queue="post"))])

    async def known() -> bool:
        return (await api.post("/api/v1/jobs", json={"type": "test.newcomer"})).status_code == 201

    await eventually_async(known)
