"""Reports over HTTP as the system before had them, at its own paths and below /api/v1; and their page."""

import dataclasses
import hashlib
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx2
import pytest
from tests.integration.publisher.page import HTML, client_of
from tests.integration.publisher.reports.report_worker import ROWS, STATUS, Worker, asked, register, status

from corral.actions.access.principal import Role
from corral.ids import new_id
from corral.job.outcome import Cancelled
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app
from corral_testing.values import new_job

PATHS = ("/reports", "/api/v1/reports")


@pytest.fixture(autouse=True)
async def worker(store: Store) -> Worker:
    return await register(store)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "body", [None, b"", b"{}", b'{"title": "Orders", "rows": [{"a": 1}]}', b'{"csv": "a\\n1\\n"}']
)
async def test_a_report_is_accepted_in_the_words_of_old(
    path: str, body: bytes | None, api: httpx2.AsyncClient, store: Store
):
    answer = await api.post(path, content=body)
    assert answer.status_code == 202
    said = answer.json()
    assert said == {"id": said["id"], "status": "PENDING", "message": "Report generation started"}
    job = await store.jobs.get(UUID(said["id"]))
    assert job is not None
    payload = job.payload.value
    assert ("source" in payload) == (not body or body == b"{}")


async def test_accepting_a_report_takes_about_as_long_as_accepting_any_job(api: httpx2.AsyncClient):
    async def any_job() -> None:
        answer = await api.post(
            "/api/v1/jobs", json={"type": "report.generate", "payload": {"title": "Orders", "rows": ROWS}}
        )
        assert answer.status_code == 201, answer.text

    took: dict[str, list[float]] = {"report": [], "job": []}
    for _ in range(21):  # in turn, so that whatever else the machine does meets both
        for kind, accept in (("job", any_job), ("report", partial(asked, api, rows=ROWS))):
            began = time.perf_counter()
            await accept()
            took[kind].append(time.perf_counter() - began)
    report, job = (sorted(took[kind])[10] for kind in ("report", "job"))
    assert report < 4 * job


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"rows": ROWS, "csv": "a\n1\n"}, "/csv"),
        ({"title": "a\nb"}, "/title"),
        ({"email": "x\r\nBcc: y@example.com"}, "/email"),
        ({"pace": [1, 2]}, "/pace"),
        ({"fail_times": -1}, "/fail_times"),
        ({"colour": "red"}, "/colour"),
        ([], ""),
    ],
)
async def test_what_can_be_no_report_is_refused_with_its_field(
    body: Any, pointer: str, api: httpx2.AsyncClient
):
    answer = await api.post("/reports", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer, answer.text


async def test_pace_and_failures_are_for_demo_mode(
    settings: Settings, store: Store, keys: dict[Role, str], api: httpx2.AsyncClient
):
    paced = await asked(api, rows=ROWS, pace=True, fail_times=2)
    job = await store.jobs.get(UUID(paced))
    assert job is not None
    assert (job.payload.value["pace"], job.payload.value["fail_times"]) == ([3, 5, 2], 2)
    app = create_app(dataclasses.replace(settings, demo_jobs=False))
    async with app.router.lifespan_context(app), client_of(app, keys[Role.OPERATOR]) as strict:
        for field in ({"pace": True}, {"fail_times": 1}):
            answer = await strict.post("/reports", json={"rows": ROWS, **field})
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["pointer"] == f"/{next(iter(field))}"


@pytest.mark.parametrize("path", PATHS)
async def test_a_report_goes_from_pending_to_ready_and_is_downloaded(
    path: str, api: httpx2.AsyncClient, worker: Worker, store: Store
):
    job = await asked(api, rows=ROWS)
    before = await status(api, job)
    assert (before["status"], before["progress"], before["email_status"]) == ("PENDING", 0, "none")
    refused = await api.get(f"{path}/{job}/download")
    assert refused.status_code == 409
    assert "PENDING" in refused.json()["detail"]
    await worker.ready(job)
    ready = await status(api, job)
    assert (ready["status"], ready["progress"], ready["attempts"]) == ("READY", 100, 1)
    assert ready["file_path"] == f"/reports/{job}/download"
    file = await api.get(f"{path}/{job}/download")
    assert file.content == b"%PDF-1.7"
    assert file.headers["content-type"] == "application/pdf"
    assert 'filename="report.pdf"' in file.headers["content-disposition"]


async def test_progress_is_at_least_ten_while_it_runs_and_zero_while_it_waits(
    api: httpx2.AsyncClient, worker: Worker
):
    job = await asked(api, rows=ROWS)
    await worker.claim(job)
    running = await status(api, job)
    assert (running["status"], running["progress"]) == ("RUNNING", 10)


@pytest.mark.parametrize("path", PATHS)
async def test_a_waiting_report_is_cancelled_at_once_a_running_one_is_asked_and_others_are_refused(
    path: str, api: httpx2.AsyncClient, worker: Worker
):
    waiting, running, ready, failed = [await asked(api, rows=ROWS) for _ in range(4)]
    attempt = await worker.claim(running)
    await worker.ready(ready)
    await worker.fail(failed, "no more paper")
    answer = await api.delete(f"{path}/{waiting}")
    assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
    answer = await api.delete(f"{path}/{running}")
    assert (answer.status_code, answer.json()["status"]) == (202, "RUNNING")
    await worker.end(running, attempt, Cancelled("a cancel was requested"))
    assert (await status(api, running))["status"] == "CANCELLED"
    for job, word in ((waiting, "CANCELLED"), (ready, "READY"), (failed, "FAILED")):
        answer = await api.delete(f"{path}/{job}")
        assert answer.status_code == 409
        assert word in answer.json()["detail"]


@pytest.mark.parametrize("path", PATHS)
async def test_what_failed_or_was_cancelled_is_made_again_and_nothing_else(
    path: str, api: httpx2.AsyncClient, worker: Worker
):
    waiting, running, ready, failed = [await asked(api, rows=ROWS) for _ in range(4)]
    await worker.claim(running)
    await worker.ready(ready)
    await worker.fail(failed, "no more paper")
    assert (await status(api, failed))["error_message"] == "no more paper"
    for job in (waiting, running, ready):
        assert (await api.post(f"{path}/{job}/retry")).status_code == 409
    again = await api.post(f"{path}/{failed}/retry")
    assert (again.status_code, again.json()["status"], again.json()["progress"]) == (202, "PENDING", 0)
    await api.delete(f"{path}/{waiting}")
    assert (await api.post(f"{path}/{waiting}/retry")).status_code == 202


@pytest.mark.parametrize("path", PATHS)
async def test_the_list_is_newest_first_and_narrowed_by_status_and_id(
    path: str, api: httpx2.AsyncClient, worker: Worker
):
    await api.post("/api/v1/jobs", json={"type": "test.letter", "payload": {"to": "ann"}})
    jobs = [await asked(api, rows=ROWS) for _ in range(3)]
    await worker.ready(jobs[1])

    async def ids(query: str) -> list[str]:
        answer = await api.get(f"{path}{query}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body.keys() == {"items", "next"}
        assert all(item.keys() == STATUS | {"title", "formats"} for item in body["items"])
        assert {item["title"] for item in body["items"]} <= {"Report"}
        return [item["id"] for item in body["items"]]

    assert await ids("") == jobs[::-1]
    assert await ids("?status=READY") == [jobs[1]]
    assert await ids("?status=pending") == [jobs[2], jobs[0]]
    assert await ids(f"?q={jobs[0]}") == [jobs[0]]
    assert await ids(f"?q={jobs[0][:8].upper()}") == jobs[::-1]
    assert await ids("?q=zebra") == []
    assert await ids(f"?q={new_id()}") == []
    assert (await api.get(f"{path}?status=DONE")).status_code == 422


async def test_pages_of_fifty_follow_one_another(api: httpx2.AsyncClient, store: Store):
    await store.jobs.insert(
        [
            new_job(type="report.generate", queue="reports", payload='{"title": "x", "rows": [{"a": 1}]}', timeout=60)
            for _ in range(52)
        ]
    )  # fmt: skip
    first = (await api.get("/reports")).json()
    second = (await api.get(f"/reports?cursor={first['next']}")).json()
    assert (len(first["items"]), len(second["items"]), second["next"]) == (50, 2, None)
    assert not {one["id"] for one in first["items"]} & {one["id"] for one in second["items"]}


async def test_other_jobs_are_no_reports(api: httpx2.AsyncClient):
    other = await api.post("/api/v1/jobs", json={"type": "test.letter", "payload": {"to": "ann"}})
    job = other.json()["id"]
    for method, path in (("GET", "status"), ("GET", "download"), ("POST", "retry")):
        assert (await api.request(method, f"/reports/{job}/{path}")).status_code == 404
    assert (await api.delete(f"/reports/{job}")).status_code == 404
    assert (await api.get(f"/reports/{new_id()}/status")).status_code == 404


async def test_a_failed_mail_changes_nothing_of_the_report_and_shows_beside_it(
    api: httpx2.AsyncClient, worker: Worker
):
    job = await asked(api, rows=ROWS, email="ann@example.com")
    assert (await status(api, job))["email_status"] == "pending"
    letter = (
        await api.post(
            "/api/v1/jobs",
            json={"type": "email.send", "payload": {"to": "ann@example.com", "subject": "s", "body": "b"}},
        )
    ).json()["id"]
    await worker.ready(job, mail=letter)
    assert (await status(api, job))["email_status"] == "pending"
    await worker.fail(letter, "550 no such user")
    after = await status(api, job)
    assert (after["status"], after["email_status"], after["error_message"]) == ("READY", "failed", None)


def linked(hours: float) -> tuple[str, dict[str, Any]]:
    """A link's secret, and what the report keeps of it."""
    expires = datetime.now(UTC) + timedelta(hours=hours)
    digest = hashlib.sha256(b"secret").hexdigest()
    return "secret", {"link": {"sha256": digest, "expires_at": expires.isoformat()}}


async def test_a_link_downloads_without_signing_in_and_says_kindly_when_it_is_over(
    api: httpx2.AsyncClient, stranger: httpx2.AsyncClient, worker: Worker
):
    good, over, bare = [await asked(api, rows=ROWS) for _ in range(3)]
    token, kept = linked(hours=1)
    await worker.ready(good, **kept)
    _, past = linked(hours=-1)
    await worker.ready(over, **past)
    await worker.ready(bare)
    assert (await stranger.get(f"/reports/{good}/download?token={token}")).content == b"%PDF-1.7"
    assert (await stranger.get(f"/reports/{good}/download")).status_code == 401
    assert (await stranger.get(f"/reports/{good}/download?token=")).status_code == 401
    assert (await stranger.get(f"/reports/{good}/download?token=wrong")).status_code == 404
    assert (await stranger.get(f"/reports/{bare}/download?token={token}")).status_code == 404
    gone = await stranger.get(f"/reports/{over}/download?token={token}")
    assert (gone.status_code, gone.json()["title"]) == (410, "This link has expired")
    page = await stranger.get(f"/reports/{over}/download?token={token}", headers=HTML)
    assert page.status_code == 410
    assert "Sign in to download the report" in page.text
