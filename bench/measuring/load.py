"""A load generator for HTTP/1.1: kept-alive connections on uvloop, one request under way on each.

Requests are bytes made beforehand and answers are read no further than their status and length, so that it
takes a few microseconds of CPU per request: `ceiling` measures what it reaches against a server that does
nothing.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

LIMIT = 180.0
"""Seconds in which all answers must have come."""


@dataclass(frozen=True)
class Load:
    """What came of one run."""

    requests: int
    seconds: float
    statuses: dict[int, int]
    latencies: tuple[float, ...]
    """Seconds of each request, sorted."""

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds that this share of the requests took at most."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def post(host: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one request."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def send(
    host: str, port: int, request: bytes, *, connections: int, requests: int, limit: float = LIMIT
) -> Load:
    """Sends that many equal requests over that many connections, as fast as answers come.

    Raises: TimeoutError, ConnectionError.
    """
    return uvloop.run(_send(host, port, [request] * requests, connections, limit))


async def _send(host: str, port: int, requests: Sequence[bytes], connections: int, limit: float) -> Load:
    loop = asyncio.get_running_loop()
    work = iter(requests)
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    made = [
        await loop.create_connection(
            lambda: _Connection(lambda: next(work, None), latencies, statuses), host, port
        )
        for _ in range(connections)
    ]
    protocols = [protocol for _, protocol in made]
    start = time.perf_counter()
    for protocol in protocols:
        protocol.next()
    try:
        async with asyncio.timeout(limit):
            await asyncio.gather(*(protocol.done for protocol in protocols))
    finally:
        for transport, _ in made:
            transport.close()
    seconds = time.perf_counter() - start
    return Load(len(latencies), seconds, statuses, tuple(sorted(latencies)))


class _Connection(asyncio.Protocol):
    """Sends a request, reads its answer, sends the next."""

    def __init__(
        self, work: Callable[[], bytes | None], latencies: list[float], statuses: dict[int, int]
    ) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._work, self._latencies, self._statuses = work, latencies, statuses
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def next(self) -> None:
        request = self._work()
        if request is None:
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        length = answer_length(self._buffer)
        if length is None or len(self._buffer) < length:
            return
        self._latencies.append(time.perf_counter() - self._sent)
        status = int(self._buffer[9:12])
        self._statuses[status] = self._statuses.get(status, 0) + 1
        self._buffer = b""
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


def answer_length(buffer: bytes) -> int | None:
    """Bytes of the answer that the buffer begins with; None while its head is incomplete.

    Raises: ValueError when the answer carries no Content-Length.
    """
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end].lower()
    at = head.find(b"content-length:")
    if at < 0:
        raise ValueError(f"an answer without Content-Length: {buffer[:200]!r}")
    return end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])
