"""The child's end of the connection to the worker.

Two threads of its own do all reading and writing. An exception that interrupts a handler at any instruction
(that of a signal's handler, of a library for timeouts, a KeyboardInterrupt) so never comes between the bytes of
a message, and one interrupted call leaves the next in step.
"""

import contextlib
import itertools
import os
import socket
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

from corral.tracing import trace_context
from corral_worker.child_processes.framing import Decoder, OutOfStep, encode
from corral_worker.child_processes.messages import AttemptId, Call, CallAnswer, Run, RunBatch

LOST: Final = 74
"""Exit code of a child that can't reach its worker any more. Source: EX_IOERR of sysexits.h."""
_CHUNK = 262_144

Deliver = Callable[[CallAnswer], object]


class WorkerConnection:
    """Usable from any thread of the child, also within a signal's handler; not from its forks."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)  # the method has no name for it
        connection.set_inheritable(False)
        self._socket = connection
        self._identity = _identity(connection.fileno())
        self._pid = os.getpid()
        # Both are written in C: put and get are whole, whatever interrupts them, and libraries that replace
        # Python's locks at run time (gevent) don't reach them.
        self._outgoing: SimpleQueue[tuple[bytes, Callable[[None], object] | None]] = SimpleQueue()
        self._arrived: SimpleQueue[None] = SimpleQueue()
        self._numbers = itertools.count(1)
        self._calls: dict[int, Deliver] = {}
        self._run: Run | RunBatch | None = None
        os.register_at_fork(after_in_child=self._close_in_fork)
        for work, name in ((self._write, "corral-writer"), (self._read, "corral-reader")):
            threading.Thread(target=work, name=name, daemon=True).start()

    def next_run(self, after: Run | RunBatch | None) -> Run | RunBatch:
        """Wait for the run that follows `after`; may be interrupted and asked again."""
        while True:
            run = self._run
            if run is not None and run is not after:
                return run
            self._arrived.get()

    def send(self, message: object) -> None:
        """Send a message, and wait until the worker's system has it: a crash right after this loses nothing.

        Raises:
            RuntimeError: this is a fork.
        """
        self._refuse_forks()
        written: SimpleQueue[None] = SimpleQueue()
        self._outgoing.put((encode(message), written.put))
        written.get()

    def call(self, attempt: AttemptId, method: str, arguments: tuple[Any, ...], deliver: Deliver) -> int:
        """Ask the worker; `deliver` gets the answer, in the reader's thread. Answers the call's number.

        Raises:
            RuntimeError: this is a fork.
        """
        self._refuse_forks()
        number = next(self._numbers)
        frame = encode(Call(attempt, number, method, arguments, trace_context.current()))
        self._calls[number] = deliver
        self._outgoing.put((frame, None))
        return number

    def tell(self, message: object) -> None:
        """Send a message as `send` does; a fork sends none."""
        if os.getpid() == self._pid:
            self.send(message)

    def give_up(self, number: int) -> None:
        """Nobody waits for this answer any more."""
        self._calls.pop(number, None)

    def _refuse_forks(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("the context belongs to the process that runs the handler, not to its forks")

    def _write(self) -> None:
        while True:
            frame, written = self._outgoing.get()
            try:
                self._refuse_strangers()
                self._socket.sendall(frame)
            except Exception:  # noqa: BLE001  # without this thread the handler would wait for ever
                os._exit(LOST)
            if written is not None:
                written(None)

    def _read(self) -> None:
        decoder = Decoder()
        try:
            while True:
                self._refuse_strangers()
                data = self._socket.recv(_CHUNK)
                if not data:
                    break
                for message in decoder.feed(data):
                    self._take(message)
        finally:
            os._exit(
                LOST
            )  # also where the worker has ended; whatever it was, the next message is out of reach

    def _take(self, message: object) -> None:
        match message:
            case Run() | RunBatch():
                self._run = message
                self._arrived.put(None)
            case CallAnswer(number=number):
                deliver = self._calls.pop(number, None)
                if deliver is not None:  # else the call was interrupted
                    deliver(message)
            case _:
                raise OutOfStep(f"the worker does not say {type(message).__qualname__}")

    def _refuse_strangers(self) -> None:
        """A handler that closes descriptors it does not know may have closed ours, and opened a file in its place."""
        if _identity(self._socket.fileno()) != self._identity:
            raise OSError("the connection was closed")

    def _close_in_fork(self) -> None:
        """A fork keeps nothing of the connection open, and can't write to it."""
        with contextlib.suppress(OSError):
            self._refuse_strangers()
            self._socket.close()


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
