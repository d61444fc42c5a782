"""What handlers do to the standard streams of their process. Children of a test import this module."""

import atexit
import contextlib
import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corral.context import SyncContext


class Broken(io.StringIO):
    def flush(self) -> None:
        raise RuntimeError("flush")

    def write(self, _: str) -> int:
        raise KeyError("write")


def close_streams() -> None:
    sys.stdout.close()
    sys.stderr.close()


def close_stdin() -> None:
    sys.stdin.close()


def close_descriptors() -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)


def replace_descriptors() -> None:
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)


def put(stream: Any) -> None:
    sys.stdout = sys.stderr = stream


def put_closed() -> None:
    with Path(os.devnull).open("w") as nowhere:
        put(nowhere)


def redirect() -> None:
    contextlib.redirect_stdout(io.StringIO()).__enter__()
    contextlib.redirect_stderr(io.StringIO()).__enter__()


def delete() -> None:
    del sys.stdout, sys.stderr


def shut_logging_down() -> None:
    logging.basicConfig()
    logging.shutdown()


STREAMS: dict[str, Callable[[], object]] = {
    "closed": close_streams,
    "none": lambda: put(None),
    "descriptors closed": close_descriptors,
    "descriptors replaced": replace_descriptors,
    "flush raises": lambda: put(Broken()),
    "redirected": redirect,
    "a closed file": put_closed,
    "deleted": delete,
    "logging shut down": shut_logging_down,
    "an exit function that raises": lambda: atexit.register(lambda: 1 / 0),
    "a thread left running": lambda: threading.Thread(target=time.sleep, args=(60,)).start(),
    "stdin closed": close_stdin,
}


def disturb_streams(ctx: SyncContext, payload: Any) -> str:
    STREAMS[payload["how"]]()
    return "returned"


def streams(ctx: SyncContext) -> list[Any]:
    """What the standard streams are now, and whether they can be used."""
    sys.stdout.write("written\n")
    sys.stdout.flush()
    sys.stderr.write("")
    return [os.getpid(), *[(os.fstat(fd).st_dev, os.fstat(fd).st_ino) for fd in (0, 1, 2)]]
