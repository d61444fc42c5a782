"""A worker is killed after a report is made, or a mail is sent, and before that is recorded: neither is done again."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.integration.mail.conftest import Inbox, StartServer, inbox, start_server
from tests.integration.worker.system import System, running_system

from corral.job.state import State
from corral_jobs.mail.server import MailServer

__all__ = ["inbox", "start_server"]

SHORT = {"heartbeat": 0.3, "lease": 1.5, "slots_process": 1}
REPORT = {"title": "Orders", "rows": [{"region": "North", "orders": 12}]}
MAIL = {"to": "ann@example.com", "subject": "Hello", "body": "Ready."}


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        yield running


async def interrupted(
    system: System, job: tuple[str, object, str], failpoint: str, **settings: object
) -> UUID:
    """A job whose worker is killed there; another worker is ready."""
    await system.maintained(**settings)  # without a mail server it holds mails
    doomed = await system.rigged(failpoint, handlers="", **SHORT, **settings)
    name, payload, queue = job
    (id,) = await system.submit(name, payload, queue=queue, timeout=60)
    assert await doomed.ended() == -signal.SIGKILL
    await system.ready(handlers="", **SHORT, **settings)
    return id


async def test_a_report_that_is_made_is_not_rendered_again(system: System):
    id = await interrupted(system, ("report.generate", REPORT, "reports"), "killed-before-the-completion")
    job = await system.state(id, State.COMPLETED, State.FAILED)
    assert (job.state, job.attempt) == (State.COMPLETED, 2), job.error
    files = await system.store.artifacts.list(id)
    assert {file.attempt for file in files} == {1}, "the second attempt made files again"
    document = next(file for file in files if file.name == job.result["name"])
    assert document.sha256.hex() == job.result["sha256"]


def smtp(server: MailServer) -> dict[str, object]:
    return {
        "smtp_host": server.host, "smtp_port": server.port, "smtp_security": "none", "smtp_from": server.sender,
    }  # fmt: skip


async def test_a_mail_that_is_sent_is_not_sent_again(system: System, inbox: Inbox, start_server: StartServer):
    settings = smtp(await start_server())
    id = await interrupted(system, ("email.send", MAIL, "email"), "killed-before-the-completion", **settings)
    job = await system.state(id, State.COMPLETED, State.FAILED)
    assert (job.state, job.attempt, len(inbox.mails)) == (State.COMPLETED, 2, 1), job.error


async def test_a_mail_of_which_nobody_knows_is_settled_by_a_person(
    system: System, inbox: Inbox, start_server: StartServer
):
    settings = smtp(await start_server())
    id = await interrupted(system, ("email.send", MAIL, "email"), "killed-before-the-end", **settings)
    job = await system.state(id, State.COMPLETED, State.FAILED)
    assert (job.state, (job.error or {})["kind"], len(inbox.mails)) == (State.FAILED, "perhaps-done", 1)
