"""What runs in a child process: one handler at a time, with a line to the worker.

The child imports this module and the modules of the handlers it is asked to run, nothing else. It
speaks through one connection: messages are the classes below, in both directions. The worker kills
the whole process group of a child, so what a handler started dies with it.
"""

import asyncio
import contextlib
import ctypes
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import Context, Statistics, SubmitOptions, SyncContext
from corral.errors import CorralError
from corral.job.job import Claimed
from corral.job.outcome import ErrorKind
from corral_worker.ending import Raised, Returned, raised
from corral_worker.execution import MAX_LINE, MAX_LINES
from corral_worker.failure import failure
from corral_worker.perform import perform, perform_blocking

PROGRESS_SECONDS = 0.1
"""The least time between two reports of progress that reach the worker; the last one always does."""
NEWS_SECONDS = 0.01
"""The same where the message is a new one."""

_PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The child leads a process group of its own and can be given work."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run the handler of a job type; `modules` are those of the handler and of the declaration."""

    claimed: Claimed
    modules: tuple[str, str]
    remaining: float | None
    """Seconds until its timeout."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The handler ended; the child can be given work again."""

    ending: Returned | Raised
    lines_dropped: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The newest progress."""

    percent: int
    message: str | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the job's log; the fields are JSON values."""

    text: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A method of the worker's line, to be answered."""

    number: int
    method: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned, or the error it raised.

    The error travels in parts: exceptions with arguments of their own don't survive pickling.
    """

    number: int
    value: Any = None
    error: tuple[type[CorralError], tuple[Any, ...], dict[str, Any]] | None = None

    @classmethod
    def refusing(cls, number: int, error: BaseException) -> "Answer":
        """The answer that raises `error` in the child; a stranger's error is told, not carried."""
        if isinstance(error, CorralError):
            return cls(number, error=(type(error), error.args, dict(vars(error))))
        return cls(number, error=(CorralError, (f"{type(error).__qualname__}: {error}",), {}))

    def unwrap(self) -> Any:
        """The value; raises the error."""
        if self.error is None:
            return self.value
        cls, arguments, attributes = self.error
        error = cls.__new__(cls, *arguments)
        vars(error).update(attributes)
        raise error


class Channel:
    """The handler's line to the worker, usable from any thread of the child.

    What never waits is thinned out here, so that a handler that talks without end
    can't keep the worker's event loop busy.
    """

    cancelled = False
    """A cancelled attempt's process is killed, so the handler never sees it true."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._number = 0
        self._pid = os.getpid()
        self.begin()

    def begin(self) -> None:
        """Forget the attempt before."""
        self._lines = self.lines_dropped = 0
        self._progress: Progress | None = None
        self._told = True
        self._told_at = 0.0

    def end(self, ending: Returned | Raised) -> None:
        """Tell what is left to tell."""
        if self._progress is not None and not self._told:
            self._send(self._progress)
        self._send(Ended(ending, self.lines_dropped))

    def progress(self, percent: int, message: str | None) -> None:
        """Tell the newest progress, not too often."""
        changed = self._progress is None or self._progress.message != message
        self._progress = Progress(percent, message)
        now = time.monotonic()
        self._told = now - self._told_at >= (NEWS_SECONDS if changed else PROGRESS_SECONDS)
        if self._told:
            self._told_at = now
            self._send(self._progress)

    def log(self, text: str, fields: dict[str, Any]) -> None:
        """Send a line, up to the cap."""
        if self._lines >= MAX_LINES:
            self.lines_dropped += 1
            return
        self._lines += 1
        self._send(LogLine(text[:MAX_LINE], to_jsonable_python(fields, fallback=repr) if fields else {}))

    def checkpoint(self, value: str) -> None:
        """Store it under the fence."""
        self._call("checkpoint", value)

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        answer: UUID = self._call("submit", job_type, payload, options)
        return answer

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        self._call("put", name, media_type, data)

    def publish(self, name: str) -> None:
        """Make it visible."""
        self._call("publish", name)

    def get(self, name: str) -> bytes | None:
        """Read an artifact."""
        answer: bytes | None = self._call("get", name)
        return answer

    def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        answer: list[Statistics] = self._call("statistics")
        return answer

    def _send(self, message: object) -> None:
        self._refuse_forks()
        with self._lock:
            self._connection.send(message)

    def _refuse_forks(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("the context belongs to the process that runs the handler, not to its forks")

    def _call(self, method: str, *arguments: Any) -> Any:
        self._refuse_forks()
        with self._lock:  # one call at a time: its answer is the next message
            self._number += 1
            self._connection.send(Call(self._number, method, arguments))
            answer = self._connection.recv()
        assert isinstance(answer, Answer)
        assert answer.number == self._number
        return answer.unwrap()


class AsyncChannel:
    """The same for a coroutine that runs in the child: waiting happens in threads."""

    cancelled = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.progress = channel.progress
        self.log = channel.log

    async def checkpoint(self, value: str) -> None:
        """Store it under the fence."""
        await asyncio.to_thread(self._channel.checkpoint, value)

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""
        return await asyncio.to_thread(self._channel.submit, job_type, payload, options)

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact."""
        await asyncio.to_thread(self._channel.put, name, media_type, data)

    async def publish(self, name: str) -> None:
        """Make it visible."""
        await asyncio.to_thread(self._channel.publish, name)

    async def get(self, name: str) -> bytes | None:
        """Read an artifact."""
        return await asyncio.to_thread(self._channel.get, name)

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""
        return await asyncio.to_thread(self._channel.statistics)


def main(connection: Connection) -> None:
    """Serve until the worker closes the connection or ends."""
    _become_leader()
    pid = os.getpid()
    channel = Channel(connection)
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        connection.send(Ready())
        while True:
            run: Run = connection.recv()
            channel.begin()
            ending = _perform(run, channel)
            if os.getpid() != pid:  # a fork of the handler that came back: it is not the child
                os._exit(0)
            with contextlib.suppress(OSError, ValueError):  # the handler may have closed it
                sys.stdout.flush()
            channel.end(ending)


def _become_leader() -> None:
    """Set the process up: its own group, dead with its worker, first in line when memory runs out."""
    os.setsid()
    _let_fork_server_end()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


def _let_fork_server_end() -> None:
    """Close the pipe whose end tells the fork server that the worker is gone.

    Every child inherits it, to start children of its own; a busy one would keep the fork server
    alive, and with it itself.
    """
    server = getattr(forkserver, "_forkserver", None)
    alive = getattr(server, "_forkserver_alive_fd", None)
    if alive is not None:
        os.close(alive)
        server._forkserver_alive_fd = None  # type: ignore[union-attr]  # noqa: SLF001  # no public way


def _perform(run: Run, channel: Channel) -> Returned | Raised:
    try:
        declared, handler = _find(run)
    except BaseException as error:  # noqa: BLE001  # importing runs the team's code
        return raised(error)
    expires = None if run.remaining is None else time.monotonic() + run.remaining
    if handler.is_async:
        line = AsyncChannel(channel)
        return _run(perform(declared, handler, run.claimed.payload, Context(run.claimed, line, expires)))
    return perform_blocking(
        declared, handler, run.claimed.payload, SyncContext(run.claimed, channel, expires)
    )


def _run(coroutine: Coroutine[Any, Any, Returned | Raised]) -> Returned | Raised:
    try:
        return asyncio.run(coroutine)
    except BaseException as error:  # noqa: BLE001  # a task that the handler left behind may raise anything
        return Raised(failure(ErrorKind.EXCEPTION, error))


def _find(run: Run) -> tuple[JobType[Any, Any], Handler]:
    """The job type and its handler; importing the handler's module attaches it."""
    for name in run.modules:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, JobType) and value.name == run.claimed.type and value.attached:
                return value, value.attached
    raise LookupError(
        f"neither of {', '.join(run.modules)} has the job type {run.claimed.type} and its handler"
    )
