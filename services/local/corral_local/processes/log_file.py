"""The log file of one process. The process appends to it, and `corral up` rotates it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROTATE_BYTES = 10 * 1024 * 1024
"""Bytes from which a log is rotated; two older ones are kept."""
KEPT_FILES = 2
TAIL = 4096
"""The most bytes of a log that an error message quotes."""
CHUNK = 1024 * 1024


class LogFile:
    """The log of one process, over all of its runs."""

    def __init__(self, path: Path, rotate_bytes: int = ROTATE_BYTES) -> None:
        """`rotate_bytes`: the size from which it is rotated."""
        self.path = path
        self._rotate_bytes = rotate_bytes

    @contextmanager
    def appending(self) -> Iterator[int]:
        """A descriptor to append with."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def size(self) -> int:
        """Bytes in the log now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def tail(self, since: int = 0) -> str:
        """The end of the log, from byte `since` on at most."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as reader:
            start = max(since if since <= self.size() else 0, self.size() - TAIL)
            reader.seek(start)
            return reader.read().decode(errors="replace").strip()

    def rotate(self) -> bool:
        """Rotate the log if it is long; returns whether it was.

        The child holds the file open, so it is copied and emptied, not renamed. What is written between the
        last copied byte and the emptying is copied first, until there is nothing more.
        """
        if self.size() <= self._rotate_bytes:
            return False
        for number in range(KEPT_FILES, 1, -1):
            older = self._aside(number - 1)
            if older.exists():
                older.replace(self._aside(number))
        with self.path.open("rb+") as source, self._aside(1).open("wb") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
            source.truncate(0)
        return True

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
