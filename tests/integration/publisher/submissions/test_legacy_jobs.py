"""The routes of the publish/subscribe system: its requests, and its answers field by field."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from tests.integration.publisher.conftest import claim_of_limits, make_hand

from corral.catalog.record import declaration_of, record_of
from corral.job.outcome import ErrorKind, Exhausted, Finished, JobError, Succeeded
from corral.store import Store
from corral_jobs import image, mail, notification, report
from corral_jobs.mail.declaration import per_domain

FIELDS = [
    "job_id", "job_type", "status", "job_data", "result", "error_message", "created_at", "updated_at", "completed_at",
]  # fmt: skip
MAIL = {"to": "user@example.com", "subject": "Welcome", "body": "Thanks for signing up"}
NOTE = {"to": "ann@example.com", "message": "Your order is on its way."}
TITLED = {"title": "Orders", "rows": [{"region": "North", "orders": 12}]}


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    await store.registration.register(
        [record_of(report.generate), record_of(mail.send), record_of(notification.notify)],
        limits=[declaration_of(per_domain)],
    )


async def submitted(api: httpx2.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await api.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert list(made) == FIELDS
    return made


@pytest.mark.parametrize(
    ("body", "data", "queue"),
    [
        ({"type": "email", "data": MAIL}, MAIL, "email"),
        ({"type": "notification", "data": NOTE}, NOTE, "notifications"),
        ({"type": "report", "data": TITLED}, TITLED, "reports"),
        ({"type": "report"}, {"title": "Queue statistics", "source": "queue-statistics"}, "reports"),
        ({"type": "demo.echo", "data": {"a": 1}}, {"a": 1}, "demo"),
    ],
)
async def test_a_job_is_answered_in_the_words_of_old(
    body: dict[str, Any], data: dict[str, Any], queue: str, api: httpx2.AsyncClient, store: Store
):
    made = await submitted(api, **body)
    assert made == {
        "job_id": made["job_id"],
        "job_type": body["type"],
        "status": "pending",
        "job_data": made["job_data"],
        "result": None,
        "error_message": None,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "completed_at": None,
    }
    assert made["job_data"].items() >= data.items()
    job = await store.jobs.get(UUID(made["job_id"]))
    assert job is not None
    assert job.queue == queue
    assert (await api.get(f"/api/jobs/{made['job_id']}")).json() == made


@pytest.mark.parametrize(
    ("given", "priority"),
    [(1, "critical"), (2, "high"), (3, "normal"), (4, "low"), (10, "low"), (0, "normal"), ("high", "high")],
)
async def test_priorities_are_words_or_the_numbers_of_old(
    given: object, priority: str, api: httpx2.AsyncClient, store: Store
):
    made = await submitted(api, type="email", data=MAIL, priority=given)
    job = await store.jobs.get(UUID(made["job_id"]))
    assert job is not None
    assert job.priority == priority


async def test_a_delay_is_in_milliseconds(api: httpx2.AsyncClient, store: Store):
    made = await submitted(api, type="email", data=MAIL, delay=90_000)
    job = await store.jobs.get(UUID(made["job_id"]))
    assert job is not None
    assert job.run_at is not None
    assert (job.run_at - job.created_at).total_seconds() == pytest.approx(90, abs=0.01)
    assert made["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"type": "image", "data": {}}, "/type", "no job type that this installation knows"),
        ({"type": "image", "data": {}}, "/type", "it knows email, notification, report"),
        ({"type": "notification", "data": {}}, "/data/message", ""),
        ({"type": "email", "data": {"to": "x"}}, "/data/to", ""),
        ({"type": "report", "data": {"colour": 1}}, "/data/colour", ""),
        ({"type": "report", "data": {"csv": "a", "rows": []}}, "/data/csv", ""),
        ({"type": "email", "data": MAIL, "priority": "soon"}, "/priority", ""),
        ({"type": "email", "data": MAIL, "delay": -1}, "/delay", ""),
        ({"data": {}}, "/type", ""),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(
    body: dict[str, Any], pointer: str, words: str, api: httpx2.AsyncClient
):
    answer = await api.post("/api/jobs", json=body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert any(error["pointer"].startswith(pointer) and words in error["detail"] for error in errors), errors


async def test_every_kind_of_that_system_is_a_shipped_type(api: httpx2.AsyncClient, store: Store):
    await store.registration.register([record_of(image.process)])
    bodies = {
        "email": MAIL,
        "notification": NOTE,
        "image": {"url": "https://example.com/a.png", "outputs": [{"width": 60}]},
        "report": TITLED,
    }
    for kind, data in bodies.items():
        made = await submitted(api, type=kind, data=data)
        assert made["job_type"] == kind
        assert [
            one["job_id"] for one in (await api.get("/api/results", params={"type": kind})).json()["items"]
        ] == [made["job_id"]]


async def test_results_are_queried_by_type_and_status_page_by_page(api: httpx2.AsyncClient, store: Store):
    jobs = [(await submitted(api, type="email", data=MAIL))["job_id"] for _ in range(3)]
    other = (await submitted(api, type="report", data=TITLED))["job_id"]
    hand = await make_hand(store, queues=("email",), types=("email.send",))
    taken = await claim_of_limits(store, hand.id, UUID(jobs[0]), 2)
    attempts = {str(claimed.id): claimed.attempt for claimed in taken}
    error = JobError(kind=ErrorKind.EXCEPTION, type="E", message="550 no such user")
    await store.attempts.finish(
        hand.id,
        [
            Finished(UUID(jobs[0]), attempts[jobs[0]], Succeeded(json.dumps({"message_id": "<1@x>"}))),
            Finished(UUID(jobs[1]), attempts[jobs[1]], Exhausted(error)),
        ],
    )

    async def found(query: str) -> list[str]:
        return [item["job_id"] for item in (await api.get(f"/api/results{query}")).json()["items"]]

    assert await found("") == [other, *jobs[::-1]]
    assert await found("?type=email") == jobs[::-1]
    assert await found("?type=email&status=pending") == [jobs[2]]
    assert await found("?status=completed") == [jobs[0]]
    assert await found("?status=failed") == [jobs[1]]
    first = (await api.get("/api/results?type=email&limit=2")).json()
    assert [item["job_id"] for item in first["items"]] == jobs[:0:-1]
    assert await found(f"?type=email&limit=2&cursor={first['next']}") == [jobs[0]]
    done = (await api.get(f"/api/jobs/{jobs[0]}")).json()
    assert (done["status"], done["result"]) == ("completed", {"message_id": "<1@x>"})
    assert done["completed_at"] is not None
    failed = (await api.get(f"/api/jobs/{jobs[1]}")).json()
    assert (failed["status"], failed["error_message"]) == ("failed", "550 no such user")
    assert (await api.get("/api/results?status=done")).status_code == 422
    assert (await api.get(f"/api/jobs/{uuid4()}")).status_code == 404


async def test_browsers_are_led_to_the_pages(api: httpx2.AsyncClient, stranger: httpx2.AsyncClient):
    job = (await submitted(api, type="email", data=MAIL))["job_id"]
    html = {"Accept": "text/html"}
    assert (await api.get(f"/api/jobs/{job}", headers=html)).headers["location"] == f"/jobs/{job}"
    assert (await api.get("/api/results", headers=html)).headers["location"] == "/jobs"
    dashboard = await stranger.get("/admin/queues")
    assert (dashboard.status_code, dashboard.headers["location"]) == (303, "/queues")
