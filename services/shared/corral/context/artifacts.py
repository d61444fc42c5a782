"""A job's files, from within its handler."""

import os
from pathlib import Path
from typing import Any
from uuid import UUID

from corral.context.link import ContextLink, Data, SyncContextLink

MAX_NAME = 255
"""Characters of a name, and of a media type."""


class Artifacts:
    """Stores and finds a job's files, from a coroutine."""

    __slots__ = ("_line",)

    def __init__(self, line: ContextLink) -> None:
        self._line = line

    async def put(self, name: str, data: Data, media_type: str = "application/octet-stream") -> None:
        """Store a file; it becomes visible when the attempt succeeds, or at `publish`.

        Raises:
            TypeError, ValueError: the name, the media type or the data are no such thing.
            OSError: the file that `data` names can't be read.
            Conflict: the attempt no longer holds the job.
        """
        await self._line.put(_name(name), _media_type(media_type), _data(data))

    async def publish(self, name: str) -> None:
        """Make a stored file visible now, also to later attempts.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        await self._line.publish(_name(name))

    async def get(self, name: str, *, job: UUID | None = None) -> bytes | None:
        """A visible file of this job, None where there is none: look before making it again.

        With `job`, a visible file of that job.
        """
        return await self._line.get(_name(name), job)


class SyncArtifacts:
    """Stores and finds a job's files, from a thread or a process."""

    __slots__ = ("_line",)

    def __init__(self, line: SyncContextLink) -> None:
        self._line = line

    def put(self, name: str, data: Data, media_type: str = "application/octet-stream") -> None:
        """Store a file; it becomes visible when the attempt succeeds, or at `publish`.

        Raises:
            TypeError, ValueError: the name, the media type or the data are no such thing.
            OSError: the file that `data` names can't be read.
            Conflict: the attempt no longer holds the job.
        """
        self._line.put(_name(name), _media_type(media_type), _data(data))

    def publish(self, name: str) -> None:
        """Make a stored file visible now, also to later attempts.

        Raises:
            Conflict: the attempt no longer holds the job.
        """
        self._line.publish(_name(name))

    def get(self, name: str, *, job: UUID | None = None) -> bytes | None:
        """A visible file of this job, None where there is none: look before making it again.

        With `job`, a visible file of that job.
        """
        return self._line.get(_name(name), job)


def _name(name: Any) -> str:
    """The name, checked: a browser must be able to ask for it.

    Raises:
        TypeError: it is no text.
        ValueError: it can't be stored or asked for.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of an artifact is a text, not a {type(name).__qualname__}")
    if not 1 <= len(name) <= MAX_NAME:
        raise ValueError(f"the name of an artifact has 1 to {MAX_NAME} characters, not {len(name):,}")
    if any(
        character < " " or "\x7f" <= character <= "\x9f" or "\ud800" <= character <= "\udfff"
        for character in name
    ):
        raise ValueError(
            f"the name of an artifact has no control characters and no lone surrogates: {name!a}"
        )
    if {".", ".."} & set(name.split("/")):
        raise ValueError(f"the name of an artifact has no part '.' or '..': {name!r}")
    return str.__str__(name)


def _media_type(media_type: Any) -> str:
    """The media type, checked: an HTTP header must be able to say it.

    Raises:
        TypeError: it is no text.
        ValueError: no header can carry it.
    """
    if not isinstance(media_type, str):
        raise TypeError(f"the media type of an artifact is a text, not a {type(media_type).__qualname__}")
    if not (1 <= len(media_type) <= MAX_NAME and media_type.isascii() and media_type.isprintable()):
        raise ValueError(f"the media type of an artifact is like text/csv, not {media_type[:MAX_NAME]!a}")
    return str.__str__(media_type)


def _data(data: Any) -> bytes | Path:
    """The content as bytes, or the absolute path of a file.

    Raises:
        TypeError: it is neither bytes, nor a text, nor a path.
        ValueError: the text holds a lone surrogate.
        OSError: there is no such file, or it can't be read.
    """
    match data:
        case str():
            return str.__str__(data).encode()
        case bytes() | bytearray() | memoryview():
            return bytes(data)
        case Path():
            path = Path(os.path.abspath(data))  # noqa: PTH100  # as it is spelled: a link may be meant
            with path.open("rb"):
                return path
    raise TypeError(f"an artifact is bytes, a text or a Path, not a {type(data).__qualname__}")
