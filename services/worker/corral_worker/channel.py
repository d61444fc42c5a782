"""A handler's line to the worker from inside a child process."""

import asyncio
import os
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import to_jsonable_python

from corral.context import Statistics, SubmitOptions
from corral_worker.ending import Raised, Returned
from corral_worker.execution import MAX_LINE, MAX_LINES
from corral_worker.messages import Answer, Call, Ended, LogLine, Progress

PROGRESS_SECONDS = 0.1
"""The least time between two reports of progress that reach the worker; the last one always does."""
NEWS_SECONDS = 0.01
"""The same where the message is a new one."""


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
