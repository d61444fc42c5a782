"""The curl lines of the systems that Corral replaces, as docs/reference/parity.md has them: each is run as it stands."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from tests.integration.publisher.conftest import make_hand

from corral.catalog.record import declaration_of, record_of
from corral.job.outcome import ErrorKind, Exhausted, Finished, JobError, Succeeded
from corral.store import Store
from corral_jobs import image, mail, report
from corral_jobs.mail.declaration import per_domain

PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "parity.md"
PORT, HEADER = "8000", "Authorization: Bearer $CORRAL_KEY"
"""What is changed of a line: its port (3000 and others before), and one header that is added."""
MADE = {"name": "report.pdf", "media_type": "application/pdf", "size_bytes": 8, "sha256": "0" * 64,
        "pages": 1, "rows": 1, "seconds": {"fetch": 0, "process": 0, "render": 0}}  # fmt: skip


def lines() -> list[tuple[str, int, str]]:
    """Each line with the status and the field that the page says it is answered with."""
    text = PAGE.read_text(encoding="utf-8").split("## The old curl lines", 1)[1]
    return [
        (line, int(status), field)
        for line, status, field in re.findall(r"^\| `(curl .+)` \| (\d{3}) \| (.+?) \|$", text, re.MULTILINE)
    ]


LINES = lines()


@pytest.fixture(autouse=True)
async def registered(store: Store) -> None:
    records = [record_of(one) for one in (report.generate, mail.send, image.process)]
    await store.registration.register(records, limits=[declaration_of(per_domain)])


def request_of(line: str, report_id: str, job_id: str) -> dict[str, Any]:
    """The request that curl would send."""
    words = shlex.split(line.replace("{report}", report_id).replace("{job}", job_id))[1:]
    sent: dict[str, Any] = {"method": "GET", "headers": {}}
    while words:
        word = words.pop(0)
        match word:
            case "-X":
                sent["method"] = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                sent["headers"][name] = value
            case "-d":
                sent["content"] = words.pop(0)
                sent["headers"].setdefault("Content-Type", "application/x-www-form-urlencoded")
                sent["method"] = "POST" if sent["method"] == "GET" else sent["method"]
            case "-O" | "-i" | "-s":
                pass
            case _:
                assert word.startswith(f"http://localhost:{PORT}/"), word
                sent["url"] = word.removeprefix(f"http://localhost:{PORT}")
    assert sent["headers"].pop("Authorization") == "Bearer $CORRAL_KEY", "the header that is added"
    return sent


async def report_in(store: Store, api: httpx2.AsyncClient, status: str) -> str:
    """A report in the status that its line needs."""
    id = str((await api.post("/reports")).json()["id"])
    if status == "PENDING":
        return id
    hand = await make_hand(store, queues=("reports",), types=("report.generate",))
    answer = await store.claims.claim(hand.id, uuid4(), [UUID(id)], ["report.generate"], alone=False)
    attempt = answer.claimed[0].attempt
    if status == "READY":
        file = await store.artifacts.put(UUID(id), attempt, "report.pdf", "application/pdf", b"%PDF-1.7")
        await store.artifacts.publish(UUID(id), attempt, [file])
        outcome: Any = Succeeded(json.dumps(MADE))
    else:
        outcome = Exhausted(JobError(kind=ErrorKind.EXCEPTION, type="E", message="no data"))
    await store.attempts.finish(hand.id, [Finished(UUID(id), attempt, outcome)])
    return id


@pytest.mark.parametrize(("line", "status", "field"), LINES, ids=[line for line, _, _ in LINES])
async def test_an_old_curl_line_works_with_port_and_one_header_changed(
    line: str, status: int, field: str, api: httpx2.AsyncClient, store: Store
):
    needs = "READY" if "/download" in line else "FAILED" if "/retry" in line else "PENDING"
    report_id = await report_in(store, api, needs)
    if "/health/" in line:
        await make_hand(store)
    mail_data = {"to": "user@example.com", "subject": "Welcome", "body": "Hello"}
    job_id = (await api.post("/api/jobs", json={"type": "email", "data": mail_data})).json()["job_id"]
    answer = await api.request(**request_of(line, report_id, job_id))
    assert answer.status_code == status, answer.text
    if field == "PDF":
        assert answer.content.startswith(b"%PDF-")
    elif not field.startswith("to "):
        assert field.strip("`") in answer.json()


def test_the_page_has_them_all():
    paths = {re.sub(r".*localhost:\d+(/[\w/{}]*).*", r"\1", line) for line, _, _ in LINES}
    assert {
        "/api/jobs", "/api/jobs/{job}", "/api/results", "/admin/queues", "/health/workers",
        "/reports", "/reports/{report}", "/reports/{report}/status", "/reports/{report}/download", "/reports/{report}/retry",
    } <= paths  # fmt: skip
