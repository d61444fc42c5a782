"""How messages cross between the worker and a child process: as frames, each whole or not at all.

A frame is a head (a mark, the body's length, the checksums of both) and the body: a pickled message that holds
values of messages.py and plain ones. Whatever else the connection carries (half a message, or what a program wrote that
inherited it) is told apart, and nothing of it is believed.
"""

import pickle
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

_HEAD = struct.Struct(">4sQII")
_CHECKED = _HEAD.size - 4
"""Bytes of the head that its own checksum, its last part, is of."""
_MARK = b"\xc0rrl"
_OURS = frozenset(
    {
        "corral_worker.child_processes.messages",
        "corral_worker.attempts.handler_call",
        "corral.errors",
        "corral.job.job",
        "corral.job.outcome",
        "corral.job.priority",
    }
)
"""Modules whose own classes may cross; what they import may not."""
_PLAIN = frozenset(
    {
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("uuid", "SafeUUID"),
        ("uuid", "UUID"),
    }
)


class OutOfStep(Exception):
    """What arrived is no message: nothing that follows it can be understood. The text says what it was."""


def encode(message: object) -> bytes:
    """The frame of a message."""
    body = pickle.dumps(message, protocol=5)
    head = _HEAD.pack(_MARK, len(body), zlib.crc32(body), 0)[:_CHECKED]
    return head + zlib.crc32(head).to_bytes(4) + body


class Decoder:
    """Puts messages together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """The messages that are complete now.

        Raises:
            OutOfStep: this is no message.
        """
        self._held += data
        while (body := self._next()) is not None:
            yield _load(body)

    def _next(self) -> bytes | None:
        held = self._held
        if not _MARK.startswith(held[: len(_MARK)]):
            raise OutOfStep(f"{bytes(held[:40])!r} is no message")
        if len(held) < _HEAD.size:
            return None
        _, length, checksum, of_head = _HEAD.unpack_from(held)
        if zlib.crc32(held[:_CHECKED]) != of_head:
            raise OutOfStep(f"{bytes(held[:40])!r} is no message")
        end = _HEAD.size + length
        if len(held) < end:
            return None
        body = bytes(memoryview(held)[_HEAD.size : end])
        del held[:end]
        if zlib.crc32(body) != checksum:
            raise OutOfStep(f"a message of {length:,} bytes was altered on its way")
        return body


class _Loader(pickle.Unpickler):
    """Makes values of known classes alone, so that no code of a handler runs in the worker."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _PLAIN or module in _OURS:
            found = super().find_class(module, name)
            if isinstance(found, type) and (found.__module__ == module or module not in _OURS):
                return found
        raise OutOfStep(f"a message holds a {module}.{name}")


def _load(body: bytes) -> Any:
    try:
        return _Loader(BytesIO(body)).load()
    except OutOfStep:
        raise
    except Exception as error:  # whatever it is, this is no message
        raise OutOfStep(f"a message can't be read: {error!r}") from error
