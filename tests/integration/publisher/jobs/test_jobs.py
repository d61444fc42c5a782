"""Reading jobs and acting on them over HTTP; queues, types, workers and statistics."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import RECORDS, Hand, Submit

from corral.dispatch import Dispatch
from corral.job.lane import Lane
from corral.job.outcome import ErrorKind, Exhausted, Finished, JobError
from corral.job.priority import Priority
from corral.settings import Settings
from corral.store import Store
from corral.store.attempts.logs import NewLogLine
from corral.store.jobs.list import SearchBounds


async def listed(api: httpx2.AsyncClient, query: str) -> list[str]:
    answer = await api.get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 200, answer.text
    return [job["payload"]["to"] for job in answer.json()["items"]]


async def fail(hand: Hand, store: Store, job: str, message: str) -> None:
    attempt = await hand.claim(job)
    error = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", message)
    await store.attempts.finish(hand.id, [Finished(UUID(job), attempt, Exhausted(error))])


async def test_every_filter_finds_its_jobs(api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store):
    before = datetime.now(UTC) - timedelta(seconds=1)
    ann = await submit("test.letter", {"to": "ann", "pages": 2}, tags=["blue"])
    bob = await submit("test.letter", {"to": "bob"}, queue="express")
    cid = await submit("test.letter", {"to": "cid"}, delay=60)
    await hand.complete(ann["id"])
    await fail(hand, store, bob["id"], "the 100% of_it failed")
    expected = {
        "": ["cid", "bob", "ann"],
        "state=completed": ["ann"],
        "state=completed&state=failed": ["bob", "ann"],
        "state=scheduled": ["cid"],
        "state=running": [],
        "type=test.letter": ["cid", "bob", "ann"],
        "type=test.anything": [],
        "queue=express": ["bob"],
        "queue=post&state=scheduled": ["cid"],
        "tag=blue": ["ann"],
        "search.to=bob": ["bob"],
        "search.pages=2": ["ann"],
        'search.pages="2"': [],
        "error=100%25 OF_IT": ["bob"],
        "error=100x": [],
        f"created_after={before.isoformat().replace('+00:00', 'Z')}": ["cid", "bob", "ann"],
        f"created_before={before.isoformat().replace('+00:00', 'Z')}": [],
        f"created_after={cid['created_at']}": ["cid"],
        "error=": ["cid", "bob", "ann"],
    }
    found = {query: await listed(api, query) for query in expected}
    assert found == expected


async def test_pages_are_linked_and_complete(api: httpx2.AsyncClient, submit: Submit):
    made = [(await submit("test.letter", {"to": str(n)}))["id"] for n in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await api.get(f"/api/v1/jobs?limit=3{cursor}")).json()
        seen += [job["id"] for job in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


async def test_a_failed_job_has_its_error_attempts_and_log(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job = await submit()
    attempt = await hand.claim(job["id"])
    now = datetime.now(UTC)
    lines = [NewLogLine(UUID(job["id"]), attempt, now, f"line {n}", {"n": n}) for n in range(5)]
    await store.attempts.append_logs(lines)
    error = JobError(ErrorKind.EXCEPTION, "builtins.ValueError", "no", "Traceback", "m:f:1")
    await store.attempts.finish(hand.id, [Finished(UUID(job["id"]), attempt, Exhausted(error))])
    stored = (await api.get(f"/api/v1/jobs/{job['id']}")).json()
    assert (stored["state"], stored["error"]["message"]) == ("failed", "no")
    (entry,) = (await api.get(f"/api/v1/jobs/{job['id']}/attempts")).json()["items"]
    assert (entry["attempt"], entry["outcome"]) == (1, "failed")
    page = (await api.get(f"/api/v1/jobs/{job['id']}/logs?limit=2")).json()
    assert [line["text"] for line in page["items"]] == ["line 0", "line 1"]
    rest = (await api.get(f"/api/v1/jobs/{job['id']}/logs?after={page['next']}&limit=10")).json()
    assert [line["text"] for line in rest["items"]] == ["line 2", "line 3", "line 4"]
    assert rest["next"] is None


async def test_cancel_retry_and_run_now(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, settings: Settings
):
    waiting = await submit(delay=60)
    answer = await api.post(f"/api/v1/jobs/{waiting['id']}/run-now")
    assert (answer.status_code, answer.json()["state"]) == (200, "queued")
    dispatch = Dispatch.open(settings.redis_url)
    popped = await dispatch.lanes.pop("w", [Lane("post", Priority.NORMAL)], 10, wait=False)
    assert [str(entry.id) for entry in popped.popped] == [waiting["id"]]
    await dispatch.close()
    assert (await api.post(f"/api/v1/jobs/{waiting['id']}/run-now")).status_code == 409
    assert (await api.post(f"/api/v1/jobs/{waiting['id']}/retry")).status_code == 409
    await hand.claim(waiting["id"])
    answer = await api.post(f"/api/v1/jobs/{waiting['id']}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (200, "running")
    assert answer.json()["cancel_requested_at"] is not None
    other = await submit()
    assert (await api.post(f"/api/v1/jobs/{other['id']}/cancel")).json()["state"] == "cancelled"
    answer = await api.post(f"/api/v1/jobs/{other['id']}/cancel")
    assert answer.status_code == 409
    assert "has ended already" in answer.json()["detail"]
    again = (await api.post(f"/api/v1/jobs/{other['id']}/retry")).json()
    assert (again["state"], again["life"]) == ("queued", 2)


async def test_a_paused_queue_gives_no_job_until_it_is_resumed(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    job = await submit()
    answer = await api.post("/api/v1/queues/post/pause")
    assert (answer.json()["paused"], answer.json()["paused_by"]) == (True, "operator")
    types = [record.name for record in RECORDS]
    refused = await store.claims.claim(hand.id, uuid4(), [UUID(job["id"])], types, alone=False)
    assert not refused.claimed
    assert (await api.post("/api/v1/queues/post/resume")).json()["paused"] is False
    await hand.complete(job["id"])


async def test_queues_are_listed_with_their_counts(api: httpx2.AsyncClient, submit: Submit, hand: Hand):
    await submit()
    await submit(delay=60)
    done = await submit("test.letter", {"to": "Ann"}, queue="express")
    await hand.complete(done["id"])

    async def counted() -> None:
        items = {item["name"]: item["counts"] for item in (await api.get("/api/v1/queues")).json()["items"]}
        assert items["post"] == {"queued": 1, "scheduled": 1}
        assert items["express"] == {"completed": 1}
        assert "demo" in items

    async def fits() -> bool:
        await counted()
        return True

    await eventually_async(fits)
    one = (await api.get("/api/v1/queues/express")).json()
    assert (one["name"], one["paused"], one["overrides"], one["defaults"]) == ("express", False, {}, {})


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [
        ({"overrides": {"retries": -1}}, 422, "/overrides/retries"),
        (
            {"overrides": {"keep_finished": {"seconds": 999999999999}}},
            422,
            "/overrides/keep_finished/seconds",
        ),
        ({"defaults": {"keep_failed": {"count": 10**18}}}, 422, "/defaults/keep_failed/count"),
        ({"overrides": {"delay": 1e300}}, 422, "/overrides/delay"),
        ({"overrides": {"queue": "x"}}, 422, "/overrides/queue"),
        ({"overrides": {"timeout": "x"}}, 422, "/overrides/timeout"),
        ({"defaults": {"keep_failed": {"seconds": -1}}}, 422, "/defaults/keep_failed/seconds"),
        ({"paused": True}, 422, "/paused"),
    ],
)
async def test_a_wrong_change_of_a_queue_names_the_field(
    api: httpx2.AsyncClient, body: dict[str, object], status: int, place: str
):
    answer = await api.patch("/api/v1/queues/post", json=body)
    assert answer.status_code == status
    assert place in [error["pointer"] for error in answer.json()["errors"]]


async def test_clean_removes_what_was_asked_for(
    api: httpx2.AsyncClient, admin: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    done, failed, queued = await submit(), await submit(), await submit()
    await hand.complete(done["id"])
    await fail(hand, store, failed["id"], "no")
    young = await admin.post("/api/v1/queues/post/clean", json={"older_than": 3600})
    assert young.json() == {"removed": 0, "more": False}
    answer = await admin.post("/api/v1/queues/post/clean", json={"states": ["completed"]})
    assert answer.json() == {"removed": 1, "more": False}
    left = [job["id"] for job in (await api.get("/api/v1/jobs")).json()["items"]]
    assert left == [queued["id"], failed["id"]]
    assert (await admin.post("/api/v1/queues/post/clean", json={"states": ["queued"]})).status_code == 422
    old = await admin.post("/api/v1/queues/post/clean", json={"older_than": 1e12})
    assert old.json()["errors"] == [
        {
            "pointer": "/older_than",
            "detail": "is 1,000,000,000,000; it must be at least 0 and at most 3,153,600,000 seconds",
        }
    ]
    assert (await admin.post("/api/v1/queues/none/clean", json={})).status_code == 404


async def test_types_are_listed_with_their_schemas(api: httpx2.AsyncClient):
    items = (await api.get("/api/v1/types")).json()["items"]
    assert [item["name"] for item in items] == sorted(record.name for record in RECORDS)
    one = (await api.get("/api/v1/types/test.letter")).json()
    assert [*one["payload_schema"]["properties"]] == ["to", "pages", "weights", "inside"]
    assert one["options"]["queues"] == ["express"]


async def test_statistics_count_and_time_what_ended(
    api: httpx2.AsyncClient, submit: Submit, hand: Hand, store: Store
):
    for _ in range(3):
        await hand.complete((await submit())["id"])
    await fail(hand, store, (await submit("test.letter", {"to": "x"}))["id"], "no")
    await submit()

    async def counted() -> bool:
        stats = (await api.get("/api/v1/stats?window=600")).json()
        return stats["counts"]["completed"] == 3 and stats["counts"]["queued"] == 1

    await eventually_async(counted)
    stats = (await api.get("/api/v1/stats?window=600")).json()
    groups = {(group["queue"], group["type"]): group for group in stats["groups"]}
    assert groups["post", "test.anything"]["outcomes"] == {"completed": 3}
    assert groups["post", "test.anything"]["ended"] == 3
    assert groups["post", "test.letter"]["outcomes"] == {"failed": 1}
    assert 0 <= groups["post", "test.anything"]["run"]["p50"] < 60


async def test_a_list_carries_no_large_payloads(api: httpx2.AsyncClient, submit: Submit):
    large = {"to": "Ann", "inside": {"text": "x" * 50_000}}
    job = await submit("test.letter", large)
    (listed,) = (await api.get("/api/v1/jobs")).json()["items"]
    assert (listed["payload"], listed["omitted"]) == (None, ["payload"])
    assert 50_000 < listed["payload_bytes"] < 50_100
    whole = (await api.get(f"/api/v1/jobs/{job['id']}")).json()
    assert whole["payload"] == large
    assert listed.keys() - whole.keys() == {"payload_bytes", "result_bytes", "omitted"}


async def test_a_search_that_would_take_long_answers_at_once_and_says_how_to_narrow_it(
    app: FastAPI, api: httpx2.AsyncClient, submit: Submit
):
    app.state.services.store.jobs.bounds = SearchBounds(first_look=3, seconds=0.0)
    jobs = [await submit("test.letter", {"to": str(number)}) for number in range(5)]
    await api.post(f"/api/v1/jobs/{jobs[0]['id']}/cancel")
    answers, cursor = [], ""
    while cursor is not None:
        answer = (await api.get(f"/api/v1/jobs?error=nothing&limit=2&cursor={cursor}")).json()
        answers.append(answer)
        cursor = answer["next"]
    assert [answer["items"] for answer in answers] == [[]] * len(answers)
    assert len(answers) == 2
    assert answers[-1]["hint"] is None
    hint = answers[0]["hint"]
    assert hint.startswith("3 jobs were looked at, back to ")
    assert "narrow the list: by time (created_after, created_before), type, queue or state" in hint
    assert (await api.get("/api/v1/jobs?limit=2")).json()["hint"] is None
