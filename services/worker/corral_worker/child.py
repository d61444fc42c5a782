"""What runs in a child process: one handler at a time, with a line to the worker.

The child imports this module and the modules of the handlers it is asked to run, nothing else. It
speaks through one connection, in the words of messages.py. The worker kills the whole process group
of a child, so what a handler started dies with it.
"""

import asyncio
import contextlib
import ctypes
import importlib
import os
import signal
import sys
import time
from collections.abc import Coroutine
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import Context, SyncContext
from corral.job.outcome import ErrorKind
from corral_worker.channel import AsyncChannel, Channel
from corral_worker.ending import Raised, Returned
from corral_worker.failure import failure
from corral_worker.messages import Ready, Run
from corral_worker.perform import perform, perform_blocking

_PR_SET_PDEATHSIG = 1
"""Source: prctl(2)."""


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
    except BaseException as error:  # noqa: BLE001  # importing runs the team's code, which may even exit
        doing = f"the handler's module {run.modules[0]} can't be imported in the child process"
        return Raised(failure(ErrorKind.EXCEPTION, error, doing=doing))
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
            # By the class of the value itself: a proxy may raise when it is asked what it stands for.
            if issubclass(type(value), JobType) and value.name == run.claimed.type and value.attached:
                return value, value.attached
    raise LookupError(
        f"neither of {', '.join(run.modules)} has the job type {run.claimed.type} and its handler"
    )
