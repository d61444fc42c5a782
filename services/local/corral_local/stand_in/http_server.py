"""A small HTTP server: it can also cut an answer, and close without one, which frameworks keep their users from."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from corral_local.stand_in.arrivals import StampedConnection

MAX_BODY = 10_000_000


@dataclass(frozen=True, slots=True)
class StandInRequest:
    """One request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By name in small letters."""
    body: bytes
    came: float
    """When the end of its head came, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class StandInAnswer:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether the connection is closed in the middle of the body."""
    dropped: bool = False
    """Whether it is closed without an answer."""


Respond = Callable[[StandInRequest], Awaitable[StandInAnswer]]


class StandInServer:
    """Listens on one address; `respond` is asked for each request."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._open: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, also where 0 was given."""
        listening = StampedConnection.listen(host, port)
        self._keep(self._accept(listening))
        found: int = listening.getsockname()[1]
        return found

    async def close(self) -> None:
        """Close every connection."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _accept(self, listening: socket.socket) -> None:
        with listening:
            while True:
                accepted, _ = await asyncio.get_running_loop().sock_accept(listening)
                accepted.setblocking(False)
                self._keep(self._serve(StampedConnection(accepted)))

    async def _serve(self, connection: StampedConnection) -> None:
        try:
            with suppress(OSError, EOFError, ValueError):
                while await self._one(connection):
                    pass
        finally:
            connection.close()

    async def _one(self, connection: StampedConnection) -> bool:
        """Whether the connection goes on."""
        head = (await connection.until(b"\r\n\r\n")).decode("latin-1")
        came = connection.came
        first, *lines = head.rstrip().split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        if length > MAX_BODY:
            return False
        path, _, query = target.partition("?")
        answer = await self._respond(
            StandInRequest(method, path, query, headers, await connection.exactly(length), came)
        )
        if answer.dropped:
            return False
        lines = [f"HTTP/1.1 {answer.status} Stand-in", f"Content-Length: {len(answer.body)}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        body = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
        await connection.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        return not answer.cut
