"""What runs in a child process: one handler at a time, connected to the worker.

The child imports this module and the modules of the handlers it is asked to run, nothing else. It
speaks through one connection, in the words of messages.py. Its parent is its reaper, which ends
everything that handlers started when the child ends.
"""

import contextlib
import faulthandler
import importlib
import os
import signal
import socket
import sys
import time
import warnings
from multiprocessing import forkserver
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import Context, SyncContext
from corral.job.outcome import ErrorKind
from corral_worker.attempts.failure import failure
from corral_worker.attempts.handler_call import Raised, Returned, perform, perform_blocking, raised
from corral_worker.child_processes import child_spans
from corral_worker.child_processes.async_channel import AsyncChannel
from corral_worker.child_processes.batch_channel import BatchChannel
from corral_worker.child_processes.channel import Channel
from corral_worker.child_processes.handler_loop import run_handler
from corral_worker.child_processes.messages import AttemptId, Begun, ChildReady, Run, RunBatch
from corral_worker.child_processes.reaper import fork_with_reaper
from corral_worker.child_processes.standard_streams import StandardStreams
from corral_worker.child_processes.worker_connection import WorkerConnection

MAX_INTERRUPTIONS = 100
"""How often one step may be interrupted; then the interruptions have no end, and the child ends instead."""


def main(connection: socket.socket) -> NoReturn:
    """Serve until the worker closes the connection or ends."""
    _let_fork_server_end()
    fork_with_reaper(connection.close)
    _set_up()
    link = WorkerConnection(connection)
    link.send(ChildReady(os.getpid()))
    child = Child(link)
    while True:
        child.step()


class Child:
    """Runs what the worker asks for.

    What a handler left behind (a timer's signal, an exception that another thread sends) may interrupt any step
    between two handlers. So each step knows what was done, and none is done twice.
    """

    def __init__(self, link: WorkerConnection) -> None:
        self._link = link
        self._pid = os.getpid()
        self._streams = StandardStreams()
        self._spans = child_spans.opened(link.tell)
        self._channel: Channel | BatchChannel | None = None
        self._begun: Run | RunBatch | None = None
        self._ending: Returned | Raised | None = None
        self._ended: Run | RunBatch | None = None
        self._interrupted = 0

    def step(self) -> None:
        """Serve one run, or go on with one that was interrupted."""
        try:
            self._serve()
            self._interrupted = 0
        except BaseException as error:
            self._refuse_forks()
            self._interrupted += 1
            if self._interrupted > MAX_INTERRUPTIONS:
                raise
            if self._begun is not self._ended and self._ending is None:
                self._ending = raised(error)

    def _serve(self) -> None:
        run = self._link.next_run(self._ended)
        if self._begun is not run:
            self._link.send(Begun(AttemptId.of(run.claimed)))
            self._channel = (
                BatchChannel(self._link, run)
                if isinstance(run, RunBatch)
                else Channel(self._link, AttemptId.of(run.claimed))
            )
            self._ending = None
            self._begun = run
            with self._spans.of_run(run.trace):
                self._ending = self._perform(run, self._channel)
        assert self._channel is not None
        self._refuse_forks()
        _stop_timers()
        self._streams.restore()
        self._channel.end(self._ending or _lost_ending())
        self._ended = run

    def _refuse_forks(self) -> None:
        """End a fork of the handler that came back: it is not the child."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _perform(self, run: Run | RunBatch, channel: Channel | BatchChannel) -> Returned | Raised:
        try:
            declared, handler = _find(run)
        except BaseException as error:  # noqa: BLE001  # importing runs the team's code, which may even exit
            doing = f"the handler's module {run.modules[0]} can't be imported in the child process"
            return Raised(failure(ErrorKind.EXCEPTION, error, doing=doing))
        self._streams.remember()
        expires = None if run.remaining is None else time.monotonic() + run.remaining
        if isinstance(channel, BatchChannel):
            return channel.perform(declared, handler, expires)
        if handler.is_async:
            context = Context(run.claimed, AsyncChannel(channel), expires)
            return run_handler(perform(declared, handler, run.claimed.payload, context))
        blocking = SyncContext(run.claimed, channel, expires)
        return perform_blocking(declared, handler, run.claimed.payload, blocking)


def _set_up() -> None:
    """Signals as programs that a handler starts expect them, and first in line when memory runs out."""
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # From Python 3.12 on; the link's threads hold no lock that a fork could inherit.
    warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing about a signal: unlike SIG_IGN, that is not inherited by the programs that a handler starts."""


def _stop_timers() -> None:
    """Stop what a handler set off to interrupt or end itself: it must not strike the next one."""
    for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
        signal.setitimer(timer, 0)
    faulthandler.cancel_dump_traceback_later()
    if signal.getsignal(signal.SIGINT) is not _ignore:
        signal.signal(signal.SIGINT, _ignore)
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


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


def _lost_ending() -> Raised:
    error = RuntimeError("the handler was interrupted while its ending was made")
    return Raised(failure(ErrorKind.EXCEPTION, error))


def _find(run: Run | RunBatch) -> tuple[JobType[Any, Any], Handler]:
    """The job type and its handler; importing the handler's module attaches it."""
    for name in run.modules:
        for value in vars(importlib.import_module(name)).values():
            # By the class of the value itself: a proxy may raise when it is asked what it stands for.
            if issubclass(type(value), JobType) and value.name == run.claimed.type and value.attached:
                return value, value.attached
    raise LookupError(
        f"neither of {', '.join(run.modules)} has the job type {run.claimed.type} and its handler"
    )
