"""A connection whose bytes say when they came: by the kernel, however late this process looks."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from typing import Final

PIECE: Final = 65_536
MAX_HEAD: Final = 65_536
STAMP: Final = getattr(socket, "SO_TIMESTAMPNS", 35)
"""Linux' option for it, also of Pythons that don't name it. Elsewhere the clock is read when the bytes are."""


class StampedConnection:
    """An accepted connection, read and written by one task. Every error of the connection is an OSError or EOFError."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._left = b""
        self.came = 0.0
        """When the bytes that were read last came, in Unix seconds."""

    @staticmethod
    def listen(host: str, port: int) -> socket.socket:
        """A socket that listens, and whose connections are stamped."""
        listening = socket.create_server((host, port), backlog=512)
        listening.setblocking(False)
        with suppress(OSError):
            listening.setsockopt(socket.SOL_SOCKET, STAMP, 1)
        return listening

    async def until(self, end: bytes) -> bytes:
        """All bytes up to an end, and with it."""
        while (at := self._left.find(end)) < 0:
            if len(self._left) > MAX_HEAD:
                raise ValueError("the head of the request is too long")
            await self._more()
        return self._take(at + len(end))

    async def exactly(self, count: int) -> bytes:
        """So many bytes."""
        while len(self._left) < count:
            await self._more()
        return self._take(count)

    async def write(self, data: bytes) -> None:
        """Send it all."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _take(self, count: int) -> bytes:
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    async def _more(self) -> None:
        try:
            data, ancillary, _, _ = self._socket.recvmsg(PIECE, 256)
        except BlockingIOError:
            await self._readable()
            return
        if not data:
            raise EOFError
        self.came = time.time()
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == STAMP and len(value) == struct.calcsize("qq"):
                seconds, nanoseconds = struct.unpack("qq", value)
                self.came = seconds + nanoseconds / 1e9
        self._left += data

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable = loop.create_future()

        def tell() -> None:
            if not readable.done():
                readable.set_result(None)

        loop.add_reader(self._socket, tell)
        try:
            await readable
        finally:
            loop.remove_reader(self._socket)
