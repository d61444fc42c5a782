"""`corral webhooks`, and the receiver of the how-to, against a running system."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.local_system import own_port
from tests.fixtures.waiting import START, eventually

from corral.client import Client, Connection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NOTIFICATION = """{"to": ["ops-chat", "ops@example.com"], "title": "{{ shop }} is closed",
    "message": "{{ shop }} has sold nothing for {{ hours }} hours.", "variables": {"shop": "north", "hours": 3}}"""
RECEIVER = Path(__file__).resolve().parents[3] / "examples/webhook_receiver.py"


class Receiver:
    """The receiver of the how-to, in a process."""

    def __init__(self, port: int, secret: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, str(RECEIVER), str(port)],
                env=os.environ | {"WEBHOOK_SECRET": secret},
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
        eventually(lambda: _listens(port), timeout=START, ignoring=(OSError,))

    @property
    def lines(self) -> list[str]:
        return self._log.read_text().splitlines()


def _listens(port: int) -> bool:
    """A delivery that came before it did would be tried again much later."""
    socket.create_connection(("127.0.0.7", port), timeout=60).close()
    return True


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[list[Receiver]]:
    started: list[Receiver] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.wait()


def test_what_one_is_to_be_told_within_a_window_is_one_mail(corral):
    corral("types", "set", "notification.digest", "batch.wait=5")

    def submitted(title: str, message: str = "It was sent.") -> str:
        payload = json.dumps({"to": "ann@example.com", "title": title, "message": message, "variables": {}})
        return str(corral("jobs", "submit", "notification.digest", "--payload", payload, "--json").json["id"])

    first, wrong, unwanted, last = (
        submitted("One"),
        submitted("Two", "{{ nobody }}"),
        submitted("Three"),
        submitted("Four"),
    )
    assert "batch waits until 100 jobs wait or 5 s have passed" in corral("jobs", "why", last).out
    assert corral("jobs", "cancel", unwanted).code == 0

    def ended() -> list[dict[str, Any]]:
        jobs = [corral("jobs", "show", one, "--json").json for one in (first, wrong, unwanted, last)]
        return jobs if all(one["state"] in ("completed", "failed", "cancelled") for one in jobs) else []

    eventually(ended, timeout=90)
    jobs = ended()
    assert [one["state"] for one in jobs] == ["completed", "failed", "cancelled", "completed"]
    assert "/message: the template fails" in jobs[1]["error"]["message"]
    assert jobs[0]["result"] == jobs[3]["result"]
    assert jobs[0]["result"]["count"] == 2
    mail = corral("jobs", "show", jobs[0]["result"]["email"], "--json").json
    assert (mail["payload"]["subject"], mail["payload"]["body"]) == (
        "2 notifications",
        "One\nIt was sent.\n\nFour\nIt was sent.",
    )
    corral("types", "set", "notification.digest", "batch.wait=")


def test_another_system_is_told(corral, receivers: list[Receiver], tmp_path: Path, monkeypatch):
    port = own_port()
    made = corral("webhooks", "create", "billing", f"http://127.0.0.7:{port}/hook", "--queue", "demo")
    secret = made.out.strip()
    assert secret.startswith("whsec_"), made
    monkeypatch.setenv("RECEIVER_HOST", "127.0.0.7")
    receivers.append(Receiver(port, secret, tmp_path / "told"))
    receiver = receivers[0]

    corral("webhooks", "test", "billing")
    eventually(lambda: any(line.startswith("webhook.test") for line in receiver.lines), timeout=90)

    def told_of_a_job() -> bool:
        """The worker hears of the first webhook with its next heartbeat."""
        corral("jobs", "submit", "demo.echo", "--payload", '"x"', "--wait", "60")
        return any(re.fullmatch(r"job\.completed \S+ 1", line) for line in receiver.lines)

    eventually(told_of_a_job, timeout=90, interval=1)
    eventually(
        lambda: re.search(
            r"job\.completed +\S+ +1 +delivered +1 +204", corral("webhooks", "show", "billing").out
        ),
        timeout=90,
    )
    assert re.search(r"^billing +on +job\.completed,", corral("webhooks", "list").out, re.MULTILINE)
    (told, *_) = corral("webhooks", "deliveries", "billing", "--status", "delivered", "--json").json
    again = corral("webhooks", "replay", "billing", told["id"])
    assert again.out == "1 is sent again\n", again
    since = corral("webhooks", "replay", "billing", "--since", "2026-01-01T00:00Z", "--delivered")
    assert re.fullmatch(r"\d is sent again\n|\d sent again\n", since.out), since

    # A chat whose address is wrong: the next of the list is told, by mail.
    chat = corral(
        "webhooks", "create", "ops-chat", f"http://127.0.0.7:{port}/chat", "--format", "slack", "--no-events"
    )
    assert chat.out == "ops-chat is made\n"
    submit = ("jobs", "submit", "notification.send", "--wait", "60", "--json", "--payload")
    sent = corral(*submit, NOTIFICATION).json
    assert sent["result"]["gave_up"] == [{"to": "ops-chat", "reason": "it answered 401"}]
    assert (sent["result"]["to"], sent["result"]["via"]) == ("ops@example.com", "email")
    mail = corral("jobs", "show", sent["result"]["email"], "--json").json
    assert mail["payload"]["subject"] == "north is closed"

    rotated = corral("webhooks", "rotate", "billing", "--overlap", "3600", "--json").json
    assert (rotated["secrets"], rotated["secret"] != secret) == (2, True)
    assert corral("webhooks", "set", "billing", 'events=["job.failed"]', "--json").json["events"] == [
        "job.failed"
    ]
    assert corral("webhooks", "disable", "billing", "--reason", "it moves").out == "billing is disabled\n"
    assert "billing is disabled: it moves" in corral("webhooks", "list").err
    assert corral("webhooks", "enable", "billing").code == 0
    wrong = corral("webhooks", "create", "chat", "ftp://example.com")
    assert (wrong.code, "/url" in wrong.err) == (2, True)
    assert corral("webhooks", "replay", "billing").code == 2
    with Client(Connection.find()) as api:
        assert [one["name"] for one in api.webhooks.list()] == ["billing", "ops-chat"]
        delivery = api.webhooks.delivery("billing", told["id"])
        assert delivery["job"] == told["job"]
    assert corral("webhooks", "delete", "billing", "--yes").out == "billing is deleted\n"
    assert corral("webhooks", "show", "billing").code == 4
    assert corral("webhooks", "delete", "ops-chat", "--yes").code == 0
