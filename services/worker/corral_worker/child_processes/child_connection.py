"""The worker's end of the connection to a child: on the event loop, which it never makes wait."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from corral_worker.child_processes.framing import Decoder, OutOfStep, encode

_CHUNK = 262_144


class ChildConnection:
    """Reads and writes whole messages of one child process. Belongs to the event loop."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        hear: Callable[[Any], None],
        broken: Callable[[str], None],
        ended: Callable[[], None],
    ) -> None:
        """`hear` gets each message, `broken` says why there will be no other; `ended` that the child closed it."""
        connection.setblocking(False)  # the method has no name for it
        self._connection = connection
        self._hear = hear
        self._broken = broken
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._unsent: deque[memoryview] = deque()
        self._open = True
        self._loop.add_reader(connection.fileno(), self._read)

    def send(self, message: object) -> None:
        """Send a message as soon as the child takes it."""
        if self._connection.fileno() < 0:
            return
        idle = not self._unsent
        self._unsent.append(memoryview(encode(message)))
        if idle:
            self._write()

    def drain(self) -> None:
        """Read what a child left that has ended; a process that it started may hold the connection open."""
        while self._open and self._read():
            pass

    def close(self) -> None:
        """Close this end of the connection."""
        if self._connection.fileno() >= 0:
            self._stop_reading()
            self._loop.remove_writer(self._connection.fileno())
            self._connection.close()
        self._unsent.clear()

    def _read(self) -> bool:
        """Pass on what has come; answers whether there may be more."""
        try:
            data = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._stop_reading()
            self._ended()
            return False
        try:
            for message in self._decoder.feed(data):
                self._hear(message)
        except OutOfStep as error:
            self._stop_reading()
            self._broken(str(error))
            return False
        return True

    def _stop_reading(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._connection.fileno())

    def _write(self) -> None:
        while self._unsent:
            try:
                sent = self._connection.send(self._unsent[0])
            except BlockingIOError:
                self._loop.add_writer(self._connection.fileno(), self._write)
                return
            except OSError:  # the child is gone: its end says so
                self._unsent.clear()
                break
            if sent < len(self._unsent[0]):
                self._unsent[0] = self._unsent[0][sent:]
            else:
                self._unsent.popleft()
        with contextlib.suppress(OSError):
            self._loop.remove_writer(self._connection.fileno())
