"""A job's files, from within its handler."""

from pathlib import Path

from corral.context.line import Data, Line, SyncLine


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


def _data(data: Data) -> bytes | Path:
    return data.encode() if isinstance(data, str) else data
