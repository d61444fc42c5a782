"""The standard streams of a child: what a handler replaces or closes, the next job finds as it was."""

import contextlib
import fcntl
import os
import sys
from typing import Any, TextIO

_DESCRIPTORS = (0, 1, 2)
_NAMES = ("stdin", "stdout", "stderr")
_ABOVE = 64
"""Copies get numbers from here on, so that they take none that a program counts on."""


class StandardStreams:
    """Remembers the streams before a handler runs, and puts them back after it."""

    def __init__(self) -> None:
        self._copies: dict[int, int] = {}
        self._identities: dict[int, tuple[int, int] | None] = dict.fromkeys(_DESCRIPTORS)
        self._objects: dict[str, Any] = {}

    def remember(self) -> None:
        """Take note of the streams as they are: a handler's module may have replaced them for good."""
        self._objects = {name: getattr(sys, name, None) for name in _NAMES}
        for descriptor in _DESCRIPTORS:
            identity = _identity(descriptor)
            if identity is None or identity == self._identities[descriptor]:
                continue
            with contextlib.suppress(OSError):
                copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
                before = self._copies.pop(descriptor, None)
                if before is not None:
                    os.close(before)
                self._copies[descriptor], self._identities[descriptor] = copy, identity

    def restore(self) -> None:
        """Put back what was replaced or closed, and write what is held; may be interrupted and repeated."""
        for descriptor in _DESCRIPTORS:
            identity = self._identities[descriptor]
            if identity is not None and _identity(descriptor) != identity:
                self._reopen(descriptor, identity)
        for descriptor, name in enumerate(_NAMES):
            stream = self._objects.get(name)
            if _closed(stream):
                stream = self._objects[name] = _opened(descriptor)
            if getattr(sys, name, None) is not stream:
                setattr(sys, name, stream)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a module may have put an object of its own there
                stream.flush()

    def _reopen(self, descriptor: int, identity: tuple[int, int]) -> None:
        copy = self._copies.get(descriptor)
        if copy is not None and _identity(copy) == identity:
            os.dup2(copy, descriptor)
            return
        # The copy was closed, too, or is another file now: what comes is lost, and reaches nobody else's file.
        nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        if nowhere != descriptor:
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        self._identities[descriptor] = _identity(descriptor)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Which file a descriptor is, None for none."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _closed(stream: Any) -> bool:
    try:
        return bool(stream.closed)
    except Exception:  # noqa: BLE001  # None, or an object of a module's own
        return False


def _opened(descriptor: int) -> TextIO | None:
    """A new stream for a descriptor, in place of one that was closed."""
    try:
        return open(  # it stays open
            descriptor,
            "r" if descriptor == 0 else "w",
            buffering=1,
            encoding="utf-8",
            errors="backslashreplace",
            closefd=False,
        )
    except OSError:
        return None
