"""`corral up --reload`: changed code of the publisher and of maintenance, while clients go on as if nothing were."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx2
import psutil
import pytest
from tests.fixtures.local_system import Up, alive, own_port
from tests.fixtures.waiting import eventually
from tests.up.poller import Poller

import corral
import corral_publisher
from corral.client import Connection
from corral_local.processes.code_watch import OURS, CodeWatch, ReloadPart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

BUSY_SECONDS = 60.0
"""On two cores that are shared with other tests; a quiet machine needs less than five (docs/how-to/run-locally.md)."""


class Stream:
    """A client that reads an event stream to its end."""

    def __init__(self, up: Up) -> None:
        connection = Connection.find({}, up.folder)
        self._url = f"{up.url}/api/v1/events"
        self._headers = {"Authorization": f"Bearer {connection.key}"}
        self.heard = self.end = ""
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: self.heard)
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        with (
            httpx2.Client(trust_env=False, timeout=60, headers=self._headers) as client,
            client.stream("GET", self._url) as answer,
        ):
            try:
                for text in answer.iter_text():
                    self.heard += text
                self.end = "told"
            except httpx2.HTTPError as error:
                self.end = repr(error)


@contextmanager
def polled(url: str) -> Iterator[list[Poller]]:
    """Clients with connections of their own for each request, and clients that keep theirs."""
    with Poller(url, fresh=True) as one, Poller(url, fresh=False) as two, Poller(url, fresh=False) as three:
        yield [one, two, three]


@pytest.fixture
def edited(folder: Path) -> Path:
    """A folder with copies of our packages that may be edited."""
    copies = folder / "edited"
    for package in (corral, corral_publisher):
        shutil.copytree(
            Path(package.__file__ or "").parent,
            copies / package.__name__,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return copies


def test_edited_code_of_the_services_answers_soon_and_refuses_nobody_meanwhile(
    start, folder: Path, edited: Path
):
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o777)
    up: Up = start(
        "--reload",
        "--workers",
        "1",
        PYTHONPATH=str(edited),
        CORRAL_WEB_WORKERS="2",
        CORRAL_METRICS_PORT=str(own_port()),
        TMPDIR=str(temporary),
    ).ready()
    health = edited / "corral_publisher" / "routes" / "health.py"
    text = health.read_text()
    with httpx2.Client(trust_env=False, timeout=60) as silent, polled(f"{up.url}/healthz") as pollers:
        eventually(lambda: all(poller.newest == "ok" for poller in pollers))
        with up.client() as client:
            waiting = client.submit("demo.sleep", {"seconds": 2})
            for edition in ("second", "third"):
                assert silent.get(f"{up.url}/healthz").json()["status"] == pollers[0].newest
                with Stream(up) as stream:
                    saved = time.monotonic()
                    health.write_text(text.replace('{"status": "ok"}', f'{{"status": "{edition}"}}'))
                    eventually(lambda e=edition: all(p.newest == e for p in pollers), timeout=BUSY_SECONDS)
                assert (stream.heard[:5], stream.end) == ("retry", "told")
                took = [next(at for at, said in p.answers if said == edition) - saved for p in pollers]
                sys.stdout.write(f"a new answer after {max(took):.1f} s\n")
                eventually(lambda: len(publishers(up)) == 2, timeout=BUSY_SECONDS)  # one serves, one is spare
                assert silent.get(f"{up.url}/healthz").json()["status"] == edition
            assert client.wait_for(waiting, 60)["state"] == "completed"
        health.write_text("this is no Python")
        up.wait_for("the old one goes on", BUSY_SECONDS)
        assert "SyntaxError" in up.output
        assert {poller.newest for poller in pollers} == {"third"}
        # A module that the spare itself has used: nothing of it may be left from before.
        with (edited / "corral" / "process" / "startup.py").open("a") as shared:
            shared.write('EDITION = "fourth"\n')
        health.write_text(f"from corral.process.startup import EDITION\n{text}".replace('"ok"', "EDITION"))
        for said in ("the publisher runs", "the maintenance runs", "1 worker(s) run"):
            eventually(lambda s=said: s in up.output.partition("startup.py")[2], timeout=BUSY_SECONDS)
        eventually(lambda: {poller.newest for poller in pollers} == {"fourth"})
    for poller in pollers:
        assert poller.errors == []
        assert len(poller.answers) > 100
        assert list(dict.fromkeys(said for _, said in poller.answers)) == ["ok", "second", "third", "fourth"]
    eventually(lambda: len(publishers(up)) == 2, timeout=BUSY_SECONDS)
    left = up.processes()
    assert up.stop() == 0
    assert alive(left) == []
    assert list(temporary.glob("corral-metrics-*")) == []


def publishers(up: Up) -> list[psutil.Process]:
    """Those that serve, those that finish, and the spare."""
    return up.program("corral_publisher") + up.program("corral_publisher.processes.spare")


def test_a_file_of_ours_concerns_those_who_run_it(tmp_path: Path):
    changes = CodeWatch(tmp_path, OURS)
    roots = {name: changes._ours[name] for name in OURS}
    assert changes.concerned([roots["corral_publisher"] / "templates" / "job.html"]) == {ReloadPart.PUBLISHER}
    assert changes.concerned([roots["corral_worker"] / "loop.py"]) == {ReloadPart.WORKERS}
    assert changes.concerned([roots["corral"] / "dispatch" / "lua" / "pop.lua"]) == set(ReloadPart) - {
        ReloadPart.UP
    }
    assert changes.concerned([roots["corral_local"] / "pool.py"]) == {ReloadPart.UP}
    assert changes.concerned([roots["corral"] / "cli" / "up.py"]) == {ReloadPart.UP}
    declared = {ReloadPart.WORKERS, ReloadPart.PUBLISHER}
    assert changes.concerned([roots["corral_jobs"] / "demo" / "__init__.py"]) == declared
    assert changes.concerned([tmp_path / "acme.py"]) == {ReloadPart.WORKERS}
