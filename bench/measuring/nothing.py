"""A server that answers 201 and nothing else: what the load generator reaches against it is its ceiling."""

import asyncio
import os
import socket
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Nothing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - a request fits one segment here
        self._transport.write(ANSWER)


async def serve(listener: socket.socket) -> None:
    server = await asyncio.get_running_loop().create_server(Nothing, sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(socket.create_server(("127.0.0.1", int(os.environ["PORT"])))))
