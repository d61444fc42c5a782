"""The workers of `corral up`: they run changed code, and follow the backlog."""

import re

import pytest
from tests.fixtures.local_system import ended
from tests.fixtures.waiting import START, eventually

from corral.client import Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


HANDLERS = """
import asyncio
from pathlib import Path
from corral.catalog import job

@job(name="acme.version")
async def version() -> str:
    return "{version}"

@job(name="acme.slow")
async def slow() -> str:
    while not Path({go!r}).exists():
        await asyncio.sleep(0.05)
    return "{version}"
"""


def test_changed_code_runs_within_five_seconds_and_no_job_is_lost(start, folder):
    code, go = folder / "acme.py", folder / "go"
    code.write_text(HANDLERS.format(version="old", go=str(go)))
    up = start("--reload", "--workers", "1", CORRAL_HANDLERS="acme").ready()
    with up.client() as client:
        assert client.submit("acme.version", wait=60)["result"] == "old"
        slow = client.submit("acme.slow")
        eventually(lambda: client.job(slow["id"])["state"] == "running")
        code.write_text(HANDLERS.format(version="new", go=str(go)))
        eventually(lambda: client.submit("acme.version", wait=5)["result"] == "new", timeout=START)
        go.touch()
        assert ended(client, slow["id"])["result"] == "old"
        assert client.job(slow["id"])["attempt"] == 1
        code.write_text("this is no Python")
        up.wait_for("the workers go on with the old code")
        assert client.submit("acme.version", wait=60)["result"] == "new"
    assert up.stop() == 0


def decided(client: Client) -> set[tuple[int, int]]:
    """Sizes before and after every decision about our pool."""
    return {(one["before"], one["after"]) for one in client.pages("/pools/local/decisions")}


def test_workers_follow_the_backlog(start):
    up = start("--max-workers", "3", CORRAL_SLOTS_ASYNC="5").ready()
    with up.client() as client:
        client.post("/jobs/bulk", {"jobs": [{"type": "demo.sleep", "payload": {"seconds": 8}}] * 40})
        up.wait_for("workers 1 → 3", 60)
        eventually(
            lambda: sum(w["state"] == "active" for w in client.get("/workers")["items"]) == 3, timeout=60
        )
        eventually(
            lambda: re.search(r"workers [23] → 1: ", up.output), timeout=120
        )  # by way of two, or at once
        eventually(lambda: client.get("/stats")["counts"]["completed"] == 40, timeout=60)
        assert {job["attempt"] for job in client.pages("/jobs")} == {1}
        eventually(lambda: len(client.get("/workers")["items"]) == 1, timeout=60)
        eventually(lambda: (1, 3) in decided(client) and {(3, 1), (2, 1)} & decided(client), timeout=60)
        eventually(lambda: [one["desired"] for one in client.get("/pools")["items"]] == [1])
        # The status goes on to say why: the change, or what has been decided since.
        eventually(lambda: re.search(r"→ 3: (?s:.)*workers: 1 \| ([23] → 1|Keeping 1): ", up.output))
        ids = {job["id"] for job in client.pages("/jobs")}
    assert up.stop() == 0
    logs = "\n".join(log.read_text() for log in (up.data / "logs").glob("*.log*"))
    assert re.search(r" jobs\.accepted .* jobs=40 ", logs)
    for event in ("job.started", "job.completed"):
        lines = re.findall(rf" {re.escape(event)} .* job=(\S+) ", logs)
        assert sorted(lines) == sorted(ids), event
