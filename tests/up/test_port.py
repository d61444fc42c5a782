"""The port of `corral up` stays its own while the publisher is started again."""

import socket
import threading
from typing import Self
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from tests.fixtures.local_system import Up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("up")]


class Caller:
    """Asks again and again, each time over a new connection."""

    def __init__(self, url: str) -> None:
        self.heard: list[str] = []
        self._url = url
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join(120)

    def _run(self) -> None:
        while not self._enough.is_set():
            try:
                self.heard.append(str(httpx.get(f"{self._url}/healthz", timeout=100).status_code))
            except httpx.TransportError as error:
                self.heard.append(type(error).__name__)


def kill_publisher(up: Up) -> None:
    """All its processes at once: no child goes on serving for a while."""
    (master,) = up.program("corral_publisher")
    all_of_it = [*master.children(recursive=True), master]
    for process in all_of_it:
        process.kill()
    psutil.wait_procs(all_of_it, 10)


def test_a_killed_publisher_refuses_nobody_and_loses_its_port_to_nobody(start):
    up = start("--workers", "1").ready()
    place = urlsplit(up.url)
    with Caller(up.url) as caller:
        for number in (1, 2):
            kill_publisher(up)
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind((place.hostname, place.port))
            assert httpx.get(f"{up.url}/healthz", timeout=100).status_code == 200
            up.wait_for(f"publisher is back (restart {number})", 60)
    assert "200" in caller.heard
    # What was being answered when the publisher was killed is cut off; nothing else goes wrong.
    assert set(caller.heard) <= {"200", "ReadError", "RemoteProtocolError"}, caller.heard
    assert caller.heard.count("200") >= len(caller.heard) - 2
    assert up.stop() == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(up.url)
