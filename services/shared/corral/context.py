"""What a handler receives beside its payload: `Context` in coroutines, `SyncContext` in threads and processes.

Both have the same names. `progress` and `log` never wait: they are buffered and written in batches.
What must be stored before the handler goes on (`checkpoint`, `submit`, `artifacts`) is awaited in a
coroutine and blocks elsewhere. A context is used by its own attempt only, and not after its end.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack
from uuid import UUID

from pydantic_core import from_json, to_json

from corral.errors import JobCancelled
from corral.job.job import Claimed
from corral.job.priority import Priority

Data = bytes | str | Path
"""An artifact's content: bytes, text (stored as UTF-8) or a file."""

Statistics = dict[str, str | int | float | None]
"""The figures of one queue, by name."""


class SubmitOptions(TypedDict, total=False):
    """What a submission may override. Times are seconds."""

    queue: str
    priority: Priority | str
    delay: float
    run_at: datetime
    retries: int
    timeout: float
    expires_in: float
    tags: list[str]


class Declared(Protocol):
    """A job type as far as submitting goes."""

    @property
    def name(self) -> str:
        """Its registered name."""


class Signals(Protocol):
    """The part of a line that never waits."""

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was told to stop."""

    def progress(self, percent: int, message: str | None) -> None:
        """Keep the newest progress for the next write."""

    def log(self, text: str, fields: dict[str, Any]) -> None:
        """Keep a log line for the next write."""


class Line(Signals, Protocol):
    """How a coroutine's context reaches the worker. Texts that hold values are JSON."""

    async def checkpoint(self, value: str) -> None:
        """Store it under the fence."""

    async def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""

    async def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact of this attempt."""

    async def publish(self, name: str) -> None:
        """Make it visible before the attempt ends."""

    async def get(self, name: str) -> bytes | None:
        """Read a published artifact of this job."""

    async def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""


class SyncLine(Signals, Protocol):
    """The same for threads and processes: every method blocks."""

    def checkpoint(self, value: str) -> None:
        """Store it under the fence."""

    def submit(self, job_type: str, payload: str, options: SubmitOptions) -> UUID:
        """Store a new job."""

    def put(self, name: str, media_type: str, data: bytes | Path) -> None:
        """Store an artifact of this attempt."""

    def publish(self, name: str) -> None:
        """Make it visible before the attempt ends."""

    def get(self, name: str) -> bytes | None:
        """Read a published artifact of this job."""

    def statistics(self) -> list[Statistics]:
        """Read the figures of every queue."""


class Attempt:
    """What both contexts know of the attempt. `expires` is a `time.monotonic()` reading or None."""

    __slots__ = ("_claimed", "_expires", "_signals")

    def __init__(self, claimed: Claimed, signals: Signals, expires: float | None) -> None:
        self._claimed = claimed
        self._signals = signals
        self._expires = expires

    @property
    def job_id(self) -> UUID:
        """The job's id: the key for effects outside, which happen at least once."""
        return self._claimed.id

    @property
    def job_type(self) -> str:
        """The job type's name."""
        return self._claimed.type

    @property
    def queue(self) -> str:
        """The queue the job was in."""
        return self._claimed.queue

    @property
    def attempt(self) -> int:
        """The number of this attempt; it rises with every claim, also after a release or a lost worker."""
        return self._claimed.attempt

    @property
    def errors(self) -> int:
        """How often the job has failed before."""
        return self._claimed.errors

    @property
    def retries_left(self) -> int:
        """How many more times it will be tried if this attempt fails."""
        return max(0, self._claimed.retries - self._claimed.errors)

    @property
    def checkpointed(self) -> Any:
        """What an earlier attempt left with `checkpoint`, None where there is nothing."""
        text = self._claimed.checkpoint
        return None if text is None else from_json(text)

    @property
    def cancelled(self) -> bool:
        """Whether this attempt was told to stop: a cancel was requested, or the worker lost the job."""
        return self._signals.cancelled

    @property
    def remaining(self) -> float | None:
        """Seconds until the timeout, None without one."""
        return None if self._expires is None else max(0.0, self._expires - time.monotonic())

    @property
    def deadline(self) -> datetime | None:
        """When the timeout strikes, by this machine's clock; None without one."""
        left = self.remaining
        return None if left is None else datetime.now(UTC) + timedelta(seconds=left)

    def progress(self, percent: float, message: str | None = None) -> None:
        """Show how far it is, 0 to 100, and what it does. Often is fine: only the newest is written.

        Raises:
            JobCancelled: the attempt was told to stop.
        """
        self._refuse_cancelled()
        self._signals.progress(round(min(100.0, max(0.0, percent))), message)

    def log(self, text: str, **fields: Any) -> None:
        """Add a line to the job's log; lines beyond the cap are counted, not kept.

        Raises:
            JobCancelled: the attempt was told to stop.
        """
        self._refuse_cancelled()
        self._signals.log(text, fields)

    def _refuse_cancelled(self) -> None:
        if self._signals.cancelled:
            raise JobCancelled(f"job {self._claimed.id} was told to stop")


class Context(Attempt):
    """For coroutines. A cancel or a timeout arrives as `asyncio.CancelledError` where the handler awaits."""

    __slots__ = ("_line",)

    def __init__(self, claimed: Claimed, line: Line, expires: float | None) -> None:
        super().__init__(claimed, line, expires)
        self._line = line

    @property
    def artifacts(self) -> "Artifacts":
        """The job's files."""
        return Artifacts(self._line)

    async def checkpoint(self, value: Any) -> None:
        """Store a JSON value that the next attempt finds in `checkpointed`.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        self._refuse_cancelled()
        await self._line.checkpoint(_json(value))

    async def submit(
        self, job_type: Declared | str, payload: Any = None, **options: Unpack[SubmitOptions]
    ) -> UUID:
        """Submit another job and return its id. A repeated attempt submits again.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
        """
        self._refuse_cancelled()
        return await self._line.submit(_name(job_type), _json(payload), options)

    async def statistics(self) -> list[Statistics]:
        """Corral's own figures, one row for each queue: what waits and runs, and how the last day went."""
        return await self._line.statistics()


class SyncContext(Attempt):
    """For threads and processes. A cancel raises `JobCancelled` at the next use of the context."""

    __slots__ = ("_line",)

    def __init__(self, claimed: Claimed, line: SyncLine, expires: float | None) -> None:
        super().__init__(claimed, line, expires)
        self._line = line

    @property
    def artifacts(self) -> "SyncArtifacts":
        """The job's files."""
        return SyncArtifacts(self._line)

    def checkpoint(self, value: Any) -> None:
        """Store a JSON value that the next attempt finds in `checkpointed`.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        self._refuse_cancelled()
        self._line.checkpoint(_json(value))

    def submit(self, job_type: Declared | str, payload: Any = None, **options: Unpack[SubmitOptions]) -> UUID:
        """Submit another job and return its id. A repeated attempt submits again.

        Raises:
            InvalidInput: the type, the payload or an option is refused.
        """
        self._refuse_cancelled()
        return self._line.submit(_name(job_type), _json(payload), options)

    def statistics(self) -> list[Statistics]:
        """Corral's own figures, one row for each queue: what waits and runs, and how the last day went."""
        return self._line.statistics()


class Artifacts:
    """A job's files, from a coroutine."""

    __slots__ = ("_line",)

    def __init__(self, line: Line) -> None:
        self._line = line

    async def put(self, name: str, data: Data, media_type: str = "application/octet-stream") -> None:
        """Store a file; it becomes visible when the attempt succeeds, or at `publish`."""
        await self._line.put(name, media_type, _data(data))

    async def publish(self, name: str) -> None:
        """Make a stored file visible now, also to later attempts.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        await self._line.publish(name)

    async def get(self, name: str) -> bytes | None:
        """A visible file of this job, None where there is none: look before making it again."""
        return await self._line.get(name)


class SyncArtifacts:
    """A job's files, from a thread or a process."""

    __slots__ = ("_line",)

    def __init__(self, line: SyncLine) -> None:
        self._line = line

    def put(self, name: str, data: Data, media_type: str = "application/octet-stream") -> None:
        """Store a file; it becomes visible when the attempt succeeds, or at `publish`."""
        self._line.put(name, media_type, _data(data))

    def publish(self, name: str) -> None:
        """Make a stored file visible now, also to later attempts.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        self._line.publish(name)

    def get(self, name: str) -> bytes | None:
        """A visible file of this job, None where there is none: look before making it again."""
        return self._line.get(name)


def _name(job_type: Declared | str) -> str:
    return job_type if isinstance(job_type, str) else job_type.name


def _data(data: Data) -> bytes | Path:
    return data.encode() if isinstance(data, str) else data


def _json(value: Any) -> str:
    """JSON text of a value or a Pydantic model; NaN and infinities are null."""
    return to_json(value).decode()
