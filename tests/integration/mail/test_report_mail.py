"""A report with an address, made by a real worker: READY and the mail's submission are one, and the mail arrives."""

import hashlib
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.mail.conftest import Inbox, StartServer
from tests.integration.worker.system import System, running_system

from corral.catalog.record import declaration_of, record_of
from corral.job.state import State
from corral_jobs.mail import send
from corral_jobs.mail.declaration import per_domain
from corral_jobs.report import generate


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


async def test_a_report_and_its_mail_are_stored_together_and_the_mail_arrives(
    system: System, inbox: Inbox, start_server: StartServer
):
    await system.store.registration.register(
        [record_of(generate), record_of(send)], limits=[declaration_of(per_domain)]
    )
    server = await start_server()
    await system.ready(
        smtp_host=server.host,
        smtp_port=server.port,
        smtp_security="none",
        smtp_from=server.sender,
        public_url="https://corral.example.com",
    )
    request = {"title": "Orders", "rows": [{"region": "North", "orders": 12}], "email": "ann@example.com"}
    (report,) = await system.submit("report.generate", request, queue="reports", timeout=60)
    ready = await system.state(report, State.COMPLETED)
    letter = await system.state(UUID(ready.result["mail"]), State.COMPLETED)
    assert letter.parent == report or letter.created_by == f"job:{report}"
    (envelope,) = inbox.mails
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Subject"] == "Your report is ready: Orders"
    text = mail.get_body(("plain",)).get_content()
    token = re.search(rf"https://corral\.example\.com/reports/{report}/download\?token=(\S+)", text)
    assert token is not None, text
    assert hashlib.sha256(token[1].encode()).hexdigest() == ready.result["link"]["sha256"]
    names = {file.name for file in await system.store.artifacts.list(report)}
    assert names == {ready.result["name"], *(file["name"] for file in ready.result["files"])}
