"""Submitting over HTTP: what is answered, what is stored, waiting, bulks, precedence."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.fixtures.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import Hand, Submit, client_of, count

from corral.actions.principal import Role
from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.dispatch import Dispatch
from corral.dispatch.event import JobsChanged, QueueChanged
from corral.dispatch.listener import Listener
from corral.job.job import Accepted, NewJob
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.settings import Settings
from corral.store import Store
from corral_publisher import waiters
from corral_publisher.app import create_app


async def test_a_submitted_job_is_answered_as_it_is_stored(api: httpx.AsyncClient):
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


async def test_a_queues_defaults_count_where_the_type_says_nothing(api: httpx.AsyncClient, submit: Submit):
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
    api: httpx.AsyncClient, submit: Submit, store: Store
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


async def test_a_trace_is_passed_on_and_a_strange_one_is_not(api: httpx.AsyncClient, store: Store):
    good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for header in (good, "nonsense"):
        answer = await api.post(
            "/api/v1/jobs", json={"type": "test.anything"}, headers={"traceparent": header}
        )
        assert answer.status_code == 201
    rows = await store.database.run("SELECT traceparent FROM corral.jobs ORDER BY id")
    assert [row[0] for row in rows] == [good, None]


async def test_a_result_deeper_than_json_libraries_like_is_answered(
    api: httpx.AsyncClient, submit: Submit, hand: Hand
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
    assert timedelta(seconds=55) < due - datetime.now(UTC) < timedelta(seconds=65)
    moment = datetime.now(UTC) + timedelta(days=1)
    job = await submit(run_at=moment.isoformat())
    assert (job["state"], datetime.fromisoformat(job["run_at"])) == ("scheduled", moment)
    assert (await submit(run_at="2020-01-01T00:00:00Z"))["state"] == "queued"


async def test_a_committed_job_is_handed_to_redis(submit: Submit, settings: Settings):
    job = await submit(priority="high")
    dispatch = Dispatch.open(settings.redis_url)
    lane = Lane("post", Priority.HIGH)

    async def there() -> bool:
        return (await dispatch.depths([lane]))[lane].listed == 1

    await eventually_async(there)
    popped = (await dispatch.pop("w", [lane], 10, wait=False)).popped
    assert [str(entry.id) for entry in popped] == [job["id"]]
    await dispatch.close()


async def test_a_type_that_is_registered_later_is_known_at_once(
    api: httpx.AsyncClient, submit: Submit, store: Store
):
    assert (await api.post("/api/v1/jobs", json={"type": "test.newcomer"})).status_code == 422
    await store.types.register([record_of(job_type("test.newcomer", queue="post"))])

    async def known() -> bool:
        return (await api.post("/api/v1/jobs", json={"type": "test.newcomer"})).status_code == 201

    await eventually_async(known, timeout=2)


@pytest.fixture
def only_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at rows without a reason. Asked for before the application is made."""
    monkeypatch.setattr(waiters, "LOOK_SECONDS", 1000)


async def test_wait_answers_with_the_ended_job(
    only_events: None, api: httpx.AsyncClient, hand: Hand, store: Store, settings: Settings
):
    """As soon as the event comes."""

    async def work() -> None:
        async def appeared() -> Any:
            return (await store.jobs.page()).items

        (job,) = await eventually_async(appeared)
        await hand.complete(job.id, '{"sum": 3}')
        dispatch = Dispatch.open(settings.redis_url)
        await dispatch.events.publish(JobsChanged("completed", (job.id,)))
        await dispatch.close()

    async with asyncio.timeout(10):
        answer, _ = await asyncio.gather(
            api.post("/api/v1/jobs?wait=20", json={"type": "test.anything"}), work()
        )
    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["result"]) == ("completed", {"sum": 3})


async def test_a_waiter_is_registered_before_the_commit(
    only_events: None, app: FastAPI, api: httpx.AsyncClient, hand: Hand, monkeypatch: pytest.MonkeyPatch
):
    """Rule 28: the job ends, and its event passes, before the submitter hears of the commit."""
    services = app.state.services
    commit = services.submitter.commit

    async def slow(job: NewJob) -> Accepted:
        accepted: Accepted = await commit(job)
        async with services.dispatch.events.listen() as listener:
            await hand.complete(job.id)
            await services.dispatch.events.publish(JobsChanged("completed", (job.id,)))
            await until(listener, JobsChanged)
            await services.dispatch.events.publish(QueueChanged("a round trip later"))
            await until(listener, QueueChanged)
            return accepted

    async def until(listener: Listener, kind: type) -> None:
        while not isinstance(await listener.get(), kind):
            pass

    monkeypatch.setattr(services.submitter, "commit", slow)
    async with asyncio.timeout(10):
        answer = await api.post("/api/v1/jobs?wait=30", json={"type": "test.anything"})
    assert (answer.status_code, answer.json()["state"]) == (201, "completed")


async def test_wait_needs_no_event(api: httpx.AsyncClient, hand: Hand, store: Store):
    """Events are hints: the row is read every second."""

    async def work() -> None:
        async def appeared() -> Any:
            return (await store.jobs.page()).items

        (job,) = await eventually_async(appeared)
        await hand.complete(job.id)

    async with asyncio.timeout(10):
        answer, _ = await asyncio.gather(
            api.post("/api/v1/jobs?wait=20", json={"type": "test.anything"}), work()
        )
    assert (answer.status_code, answer.json()["state"]) == (201, "completed")


async def test_a_wait_that_is_too_short_answers_202_with_the_job(api: httpx.AsyncClient, app: FastAPI):
    answer = await api.post("/api/v1/jobs?wait=0.2", json={"type": "test.anything"})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert not app.state.services.waiters._waiting


async def test_waiters_are_bounded(settings: Settings, store: Store, keys: dict[Role, str]):
    app = create_app(Settings(**(settings.__dict__ | {"max_waiters": 1})))
    async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
        first = asyncio.create_task(api.post("/api/v1/jobs?wait=3", json={"type": "test.anything"}))
        await eventually_async(lambda: app.state.services.waiters._waiting)
        second = await api.post("/api/v1/jobs?wait=50", json={"type": "test.anything"})
        assert (second.status_code, second.json()["state"]) == (202, "queued")
        assert not first.done()
        assert (await first).status_code == 202


async def test_a_bulk_is_stored_as_a_whole(api: httpx.AsyncClient, store: Store):
    jobs = [{"type": "test.letter", "payload": {"to": f"p{n}"}} for n in range(1200)]
    answer = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["accepted"], made["refused"], len(made["jobs"])) == (1200, 0, 1200)
    for index in (0, 700, 1199):
        item = made["jobs"][index]
        assert item["index"] == index
        assert (await api.get(f"/api/v1/jobs/{item['id']}")).json()["payload"] == {"to": f"p{index}"}
    assert await count(store) == 1200


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "test.letter", "payload": {"to": 1}},
        {"type": "no.such"},
        {"type": 1},
        {"type": "test.anything", "delay": -1},
        {"type": "test.anything", "payload": "x" * 100_001},
        "not a job",
    ],
)
async def test_one_wrong_job_refuses_the_whole_bulk(api: httpx.AsyncClient, store: Store, wrong: Any):
    jobs = [{"type": "test.anything"}, wrong, {"type": "test.anything"}]
    answer = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 422
    assert all(error["pointer"].startswith("/jobs/1") for error in answer.json()["errors"])
    assert await count(store) == 0


async def test_a_partial_bulk_stores_what_is_right(api: httpx.AsyncClient, store: Store):
    jobs = [
        {"type": "test.anything"},
        {"type": "no.such"},
        {"type": "test.letter", "payload": {"to": 1}},
        "not a job",
        {"type": "test.letter", "payload": {"to": "Ann"}},
    ]
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["accepted"], made["refused"]) == (2, 3)
    assert [sorted(item) for item in made["jobs"]] == [
        ["id", "index", "state"],
        ["errors", "index"],
        ["errors", "index"],
        ["errors", "index"],
        ["id", "index", "state"],
    ]
    assert [item["errors"][0]["pointer"] for item in made["jobs"][1:4]] == ["/type", "/payload/to", ""]
    assert await count(store) == 2


async def test_a_partial_bulk_without_a_right_job_is_refused(api: httpx.AsyncClient, store: Store):
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": [{"type": "no.such"}]})
    assert (answer.status_code, await count(store)) == (422, 0)


@pytest.mark.parametrize(
    "body", [[], {}, {"jobs": []}, {"jobs": [{"type": "test.anything"}] * 10_001}, {"jobs": 3}]
)
async def test_a_bulk_that_is_none_is_refused(api: httpx.AsyncClient, store: Store, body: Any):
    for partial in ("false", "true"):
        answer = await api.post(f"/api/v1/jobs/bulk?partial={partial}", json=body)
        assert answer.status_code == 422, answer.text
    assert await count(store) == 0


async def test_without_redis_jobs_are_accepted_all_the_same(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    with Proxy(settings.redis_url) as proxy:
        app = create_app(Settings(**(settings.__dict__ | {"redis_url": proxy.url})))
        async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as api:
            proxy.freeze()  # worse than a refusal: a command hangs for seconds
            async with asyncio.timeout(2):
                answer = await api.post("/api/v1/jobs", json={"type": "test.anything"})
            assert answer.status_code == 201
            for away in (proxy.freeze, proxy.cut):
                away()
                async with asyncio.timeout(2):
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
            await asyncio.wait([answering], timeout=0.2)
            proxy.cut()
            answer = await answering
            assert answer.status_code == 503
            problem = answer.json()
            assert problem["type"] == "urn:corral:problem:outcome-unknown"
            assert len(problem["ids"]) == 1
