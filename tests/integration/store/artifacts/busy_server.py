"""A server between a program and an object storage, which has too much to do for a while."""

import asyncio
import socket
from contextlib import suppress


class Busy:
    """Answers the first so many requests with 503, as S3 does when it is asked for too much, and passes the others on."""

    ANSWER = (
        b"HTTP/1.1 503 Slow Down\r\nConnection: close\r\nContent-Type: application/xml\r\nContent-Length: 56\r\n\r\n"
        b"<Error><Code>SlowDown</Code><Message>s</Message></Error>"
    )

    def __init__(self, url: str, times: int) -> None:
        self._host, _, self._port = url.removeprefix("http://").partition(":")
        self.left = times
        self._writers: list[asyncio.StreamWriter] = []
        self._serving: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, sock=self._listener)
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._serving)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        self._writers.append(answer)
        if self.left > 0:
            self.left -= 1
            await client.readuntil(b"\r\n\r\n")
            answer.write(self.ANSWER)
            await answer.drain()
            answer.close()
            return
        server, request = await asyncio.open_connection(self._host, int(self._port))
        self._writers.append(request)
        await asyncio.gather(_pass_on(client, request), _pass_on(server, answer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
