"""A client that asks a publisher again and again, whatever happens to that meanwhile."""

import threading
import time
from typing import Self

import httpx2

from corral.http_client.http_calls import NO_AUTHORITIES

PAUSE = 0.01
"""Seconds between an answer and the next request."""


class Poller:
    """A client that asks again and again, and keeps what it heard."""

    def __init__(self, url: str, *, fresh: bool) -> None:
        self._url, self._fresh = url, fresh
        self._stop = threading.Event()
        self.answers: list[tuple[float, str]] = []
        self.errors: list[httpx2.HTTPError] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def newest(self) -> str:
        return self.answers[-1][1] if self.answers else ""

    def _run(self) -> None:
        limits = httpx2.Limits(max_keepalive_connections=0 if self._fresh else 1)
        with httpx2.Client(trust_env=False, verify=NO_AUTHORITIES, timeout=100, limits=limits) as client:
            while not self._stop.wait(PAUSE):
                try:
                    answer = client.get(self._url).raise_for_status()
                    self.answers.append((time.monotonic(), answer.json()["status"]))
                except httpx2.HTTPError as error:
                    self.errors.append(error)
