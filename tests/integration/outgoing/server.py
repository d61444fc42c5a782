"""A server of the test's own, spoken to over real connections: it answers as bytes say, and keeps what it heard."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[["Heard"], bytes | list[bytes]]


@dataclass(frozen=True, slots=True)
class Heard:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    server_name: str | None


@dataclass(slots=True)
class Server:
    """Listens on one address; `answers` are by path, and a missing one is a silence."""

    address: str
    answers: dict[str, bytes | list[bytes] | Answer] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    server_name: str | None = None
    _server: asyncio.Server | None = None
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        if tls is not None:
            tls.sni_callback = self._hear_name
        self._server = await asyncio.start_server(self._serve, self.address, port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def _hear_name(self, _socket: object, name: str | None, _context: object) -> None:
        self.server_name = name

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._serving.add(asyncio.current_task())
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer(reader, writer):
                    pass
        finally:
            writer.transport.abort() if writer.is_closing() else writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.heard.append(Heard(method, path, headers, body, self.server_name))
        found = self.answers.get(path.partition("?")[0])
        if found is None:
            await reader.read()  # until the other side has had enough
            return False
        found = found(self.heard[-1]) if callable(found) else found
        pieces = [found] if isinstance(found, bytes) else found
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return b"\r\nConnection: close" not in b"".join(pieces[:1])


@asynccontextmanager
async def listening(address: str, tls: ssl.SSLContext | None = None, port: int = 0) -> AsyncIterator[Server]:
    """A server that listens until the end of the block."""
    server = Server(address)
    await server.start(tls, port)
    try:
        yield server
    finally:
        await server.stop()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """A response with its length; `content_encoding` is Content-Encoding."""
    lines = "".join(f"{name.replace('_', '-').title()}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def redirect(to: str, status: str = "302 Found") -> bytes:
    """A response that leads elsewhere."""
    return answer(status=status, location=to)
