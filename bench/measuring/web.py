"""Talking to a web server under test: until it is ready, and one request at a time."""

import http.client
import json
import socket
import time
from collections.abc import Mapping
from typing import Any, Self

from bench.measuring.child import Child

SUCCESS = range(200, 300)
READY_LIMIT = 60.0
"""Seconds in which a server must become ready."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_ready(child: Child, port: int, path: str) -> None:
    """Returns once the path answers with a success.

    Raises: RuntimeError when the process ended or the time is up.
    """
    deadline = time.monotonic() + READY_LIMIT
    while not _ready(port, path):
        child.check()
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{path} on port {port} is not ready after {READY_LIMIT:.0f} s:\n{child.tail()}"
            )
        time.sleep(0.1)


def _ready(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in SUCCESS
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Client:
    """One kept-alive connection that speaks JSON."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Content-Type": "application/json", **headers}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Raises: RuntimeError for an answer that is no success."""
        self._connection.request("POST", path, json.dumps(body).encode(), self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status not in SUCCESS:
            raise RuntimeError(f"POST {path} answered {answer.status}: {text[:500]!r}")
        parsed: dict[str, Any] = json.loads(text)
        return parsed
