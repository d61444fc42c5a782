"""`corral up`: starts on anything, keeps running, stops without a trace."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import psutil
import pytest
from tests.fixtures.local_system import Up, alive
from tests.fixtures.waiting import START, eventually

from corral.client import Client, Unreachable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def restarts(up: Up) -> int:
    return len(re.findall(r"is back \(restart", up.output))


def test_it_runs_jobs_survives_deaths_and_stops_without_a_trace(start):
    with _port_8000_taken():
        up = start("--workers", "2", usual_port=True).ready()
    assert re.search(r"port 8000 is taken; using 80\d\d", up.output)
    with up.client() as client:
        _the_printed_ways_in_work(up, client)
        _a_second_one_on_the_same_folder_refuses(up)
        _the_dead_come_back(up, client)
    left = up.processes()
    assert up.stop() == 0
    assert "nothing is left running" in up.output
    assert alive(left) == []
    assert not (up.data / "up.json").exists()


@contextmanager
def _port_8000_taken() -> Iterator[None]:
    with socket.socket() as usual:
        usual.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            usual.bind(("127.0.0.1", 8000))
            usual.listen()
        except OSError:
            pass  # somebody else has it: as good
        yield


def _the_printed_ways_in_work(up: Up, client: Client) -> None:
    curl = re.search(r"Bearer (\S+?)'", up.output)
    link = re.search(r"sign in +(\S+)", up.output)
    assert curl
    assert link
    assert curl[1] == client.connection.key
    answer = httpx2.post(
        f"{up.url}/api/v1/jobs?wait=60",
        headers={"Authorization": f"Bearer {curl[1]}"},
        json={"type": "demo.echo", "payload": {"hello": "world"}},
        timeout=120,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["result"] == {"hello": "world"}, answer.text
    assert httpx2.get(link[1], follow_redirects=False, timeout=60).status_code < 400
    done = up.corral("jobs", "submit", "demo.echo", "--payload", "5", "--wait", "60", "--json")
    assert done.returncode == 0, done.stderr
    assert '"result": 5' in done.stdout


def _a_second_one_on_the_same_folder_refuses(up: Up) -> None:
    second = up.corral("up")
    assert second.returncode == 6
    assert (
        f"already runs on {up.data} (process {up.process.pid}, at {up.url})" in second.stdout + second.stderr
    )


def _the_dead_come_back(up: Up, client: Client) -> None:
    job = client.submit("demo.sleep", {"seconds": 20})
    followed: list[str] = []
    follower = threading.Thread(target=_follow, args=(up, job["id"], followed))
    follower.start()
    for number, module in enumerate(("corral_worker", "corral_publisher", "corral.maintenance"), 1):
        up.program(module)[0].kill()
        eventually(lambda number=number: restarts(up) >= number, timeout=START)
    # A process of the killed publisher may still hold this client's connection, and cuts it when it ends.
    eventually(lambda: client.job(job["id"])["state"] == "completed", timeout=90, ignoring=(Unreachable,))
    # Where it ran on the worker that was killed.
    lost = [one for one in client.get(f"/jobs/{job['id']}/attempts")["items"] if one["outcome"] == "stalled"]
    assert all(one["reason"] == "the worker was lost: its process was ended by SIGKILL" for one in lost), lost
    follower.join(30)
    assert followed[-1] == "end"
    assert "was ended by SIGKILL; starting it again in 0.5 s" in up.output
    postgres = next(
        p for p in up.processes().values() if p.name() == "postgres" and p.parent().name() != "postgres"
    )
    postgres.kill()
    up.wait_for("Postgres is back", 60)
    eventually(
        lambda: client.submit("demo.echo", 1, wait=5)["state"] == "completed",
        timeout=60,
        ignoring=(Exception,),
    )
    eventually(lambda: re.search(r"restarts: [4-9]", up.output))


def _follow(up: Up, job_id: str, into: list[str]) -> None:
    """Follow a job while the publisher is killed and comes back."""
    with up.client() as client:
        into.extend(kind for kind, _ in client.follow(job_id))


def test_a_taken_port_that_was_asked_for_is_told_with_its_holder(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        asked = start("--port", str(port))
        assert asked.process.wait(START) == 6
        eventually(lambda: f"--port: port {port} on 127.0.0.1 is taken by" in asked.output)
        assert f"(process {psutil.Process().pid})" in asked.output
        named = start(CORRAL_PORT=str(port))
        assert named.process.wait(START) == 6
        eventually(lambda: f"CORRAL_PORT (from environment): port {port}" in named.output)


def test_a_wrong_setting_or_declaration_starts_nothing(start, folder):
    misspelt = start(CORRAL_PROT="1")
    assert misspelt.process.wait(START) == 2
    eventually(lambda: "did you mean CORRAL_PORT?" in misspelt.output)
    assert not (folder / ".corral").exists()
    missing = start("--workers", "1", CORRAL_JOBS="no_such_module")
    assert missing.process.wait(START) == 2
    eventually(lambda: "module no_such_module can't be imported" in missing.output)
