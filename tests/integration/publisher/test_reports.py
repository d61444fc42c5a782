"""Reports over HTTP as the system before had them, at its own paths and below /api/v1; and their page."""

import dataclasses
import hashlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import claim_of_limits, client_of, make_hand
from tests.integration.publisher.test_pages import FORM, HTML, page_of, send

from corral.actions.principal import Role
from corral.actions.sign_in import SignIn
from corral.catalog.record import declaration_of, record_of
from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.outcome import Cancelled, ErrorKind, Exhausted, Finished, JobError, Outcome, Succeeded
from corral.job.priority import Priority
from corral.settings import Settings
from corral.store import Store
from corral_jobs import mail, report
from corral_jobs.mail.declaration import per_domain
from corral_publisher.app import create_app

STATUS = {
    "id", "status", "progress", "progress_message", "error_message", "file_path", "email_status", "attempts",
    "created_at", "updated_at",
}  # fmt: skip
ROWS = [{"region": "North", "orders": 12}]
PATHS = ("/reports", "/api/v1/reports")


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    await store.registration.register(
        [record_of(report.generate), record_of(mail.send)], limits=[declaration_of(per_domain)]
    )


class Worker:
    """A worker by hand."""

    def __init__(self, store: Store, worker: UUID) -> None:
        self.store, self.id = store, worker

    async def claim(self, job: str) -> int:
        taken = await claim_of_limits(self.store, self.id, UUID(job))
        if not taken:
            types = ["report.generate", "email.send"]
            taken = (await self.store.claims.claim(self.id, uuid4(), [UUID(job)], types, alone=False)).claimed
        (claimed,) = taken
        return claimed.attempt

    async def end(self, job: str, attempt: int, outcome: Outcome) -> None:
        await self.store.attempts.finish(self.id, [Finished(UUID(job), attempt, outcome)])

    async def ready(self, job: str, **more: Any) -> None:
        """Make it READY, with a file."""
        attempt = await self.claim(job)
        made = {"name": "report.pdf", "media_type": "application/pdf", "size_bytes": 8, "sha256": "0" * 64,
                "pages": 1, "rows": 1, "seconds": {"fetch": 0, "process": 0, "render": 0}, **more}  # fmt: skip
        file = await self.store.artifacts.put(
            UUID(job), attempt, "report.pdf", "application/pdf", b"%PDF-1.7"
        )
        await self.store.artifacts.publish(UUID(job), attempt, [file])
        await self.end(job, attempt, Succeeded(json.dumps(made)))

    async def fail(self, job: str, words: str) -> None:
        error = JobError(kind=ErrorKind.EXCEPTION, type="E", message=words)
        await self.end(job, await self.claim(job), Exhausted(error))


@pytest.fixture
async def worker(store: Store) -> Worker:
    made = await make_hand(store, queues=("reports", "email"), types=("report.generate", "email.send"))
    return Worker(store, made.id)


async def asked(api: httpx2.AsyncClient, **body: Any) -> str:
    answer = await api.post("/reports", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


async def status(api: httpx2.AsyncClient, job: str) -> dict[str, Any]:
    answer = await api.get(f"/reports/{job}/status")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found.keys() == STATUS
    return found


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


async def test_accepting_takes_less_than_fifty_milliseconds(api: httpx2.AsyncClient):
    await asked(api, rows=ROWS)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        await asked(api, rows=ROWS)
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.05


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
            NewJob(id=new_id(), type="report.generate", queue="reports", priority=Priority.NORMAL,
                   payload='{"title": "x", "rows": [{"a": 1}]}', retries=0, timeout=60, max_stalls=0)
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


@pytest.fixture
async def browser(app: FastAPI, store: Store) -> AsyncIterator[httpx2.AsyncClient]:
    link = await SignIn(store).create_link("ann", Role.OPERATOR)
    async with client_of(app, None) as client:
        client.headers.update(HTML)
        assert (await client.post(f"/sign-in/{link}")).status_code == 303
        yield client


async def test_a_person_without_scripts_makes_cancels_and_repeats_a_report(
    browser: httpx2.AsyncClient, api: httpx2.AsyncClient, worker: Worker
):
    made = await send(browser, "/reports")
    assert (made.status_code, made.headers["location"]) == (303, "/reports")
    (item,) = (await api.get("/reports")).json()["items"]
    assert "PENDING" in (await page_of(browser, "/reports")).text
    await send(browser, f"/reports/{item['id']}/cancel")
    assert (await status(api, item["id"]))["status"] == "CANCELLED"
    assert (await send(browser, f"/reports/{item['id']}/cancel")).status_code == 409
    assert (await send(browser, f"/reports/{item['id']}/retry")).status_code == 303
    attempt = await worker.claim(item["id"])
    shown = await page_of(browser, "/reports?status=RUNNING")
    assert any(tag == "progress" for tag, _ in shown.tags)
    await worker.end(item["id"], attempt, Succeeded('{"name": "report.pdf"}'))
    shown = await page_of(browser, "/reports")
    assert any(attrs.get("href") == f"/reports/{item['id']}/download" for _, attrs in shown.tags)
    assert "No reports match." in (await page_of(browser, "/reports?status=FAILED")).text


async def test_a_form_of_another_page_makes_no_report(browser: httpx2.AsyncClient, api: httpx2.AsyncClient):
    answer = await browser.post("/reports", data={"csrf": "forged"}, headers=FORM)
    assert answer.status_code == 403
    assert (await api.get("/reports")).json()["items"] == []


async def test_its_data_are_downloaded_beside_the_pdf(api: httpx2.AsyncClient, store: Store, worker: Worker):
    job = await asked(api, title="Orders", rows=ROWS)
    attempt = await worker.claim(job)
    names = {"report.pdf": b"%PDF-1.7", "report.csv": b"region,orders", "report.xlsx": b"PK"}
    kinds = {
        "csv": "text/csv",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pdf": "application/pdf",
    }
    for name, content in names.items():
        kind = kinds[name.rpartition(".")[2]]
        file = await store.artifacts.put(UUID(job), attempt, name, kind, content)
        await store.artifacts.publish(UUID(job), attempt, [file])
    files = [
        {"name": f"report.{one}", "media_type": kinds[one], "size_bytes": 2, "sha256": "0" * 64}
        for one in ("csv", "xlsx")
    ]
    made = {"name": "report.pdf", "size_bytes": 8, "sha256": "0" * 64, "pages": 1, "rows": 1,
            "seconds": {"fetch": 0, "process": 0, "render": 0}, "files": files}  # fmt: skip
    await worker.end(job, attempt, Succeeded(json.dumps(made)))
    (listed,) = (await api.get("/reports")).json()["items"]
    assert (listed["title"], listed["formats"]) == ("Orders", ["pdf", "csv", "xlsx"])
    for one in ("csv", "xlsx", "pdf"):
        answer = await api.get(f"/reports/{job}/download?format={one}")
        assert answer.content == names[f"report.{one}"]
        assert f'filename="report.{one}"' in answer.headers["content-disposition"]
    refused = await api.get(f"/reports/{job}/download?format=docx")
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "format")
    old = await asked(api, rows=ROWS)
    await worker.ready(old)
    assert (await api.get(f"/reports/{old}/download?format=csv")).status_code == 404
