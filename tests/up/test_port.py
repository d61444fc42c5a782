"""The port of `corral up` stays its own while the publisher is started again."""

import socket
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest
from tests.fixtures.local_system import Up
from tests.up.poller import Poller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


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
    with Poller(f"{up.url}/healthz", fresh=True) as poller:
        for number in (1, 2):
            kill_publisher(up)
            with socket.socket() as thief:
                thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="in use"):
                    thief.bind((place.hostname, place.port))
            assert httpx2.get(f"{up.url}/healthz", timeout=100).status_code == 200
            up.wait_for(f"publisher is back (restart {number})", 60)
    assert poller.newest == "ok"
    # What was being answered when the publisher was killed is cut off; nothing else goes wrong.
    assert {type(error) for error in poller.errors} <= {httpx2.ReadError, httpx2.RemoteProtocolError}, (
        poller.errors
    )
    assert len(poller.errors) <= 2
    assert up.stop() == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(up.url)
