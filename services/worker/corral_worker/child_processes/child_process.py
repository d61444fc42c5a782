"""One child process as the worker sees it: started, given one attempt after the other, killed."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from corral import metrics
from corral.errors import Conflict
from corral.job.outcome import ErrorKind, JobError
from corral_worker.attempts.failure import death, over_memory
from corral_worker.attempts.handler_call import Died, Ending, Raised
from corral_worker.child_processes import child, child_spans, messages, worker_connection
from corral_worker.child_processes.child_calls import ChildCalls
from corral_worker.child_processes.child_connection import ChildConnection
from corral_worker.child_processes.child_run import ChildRun
from corral_worker.child_processes.messages import AttemptId
from corral_worker.own_process.threads import aside

log = structlog.get_logger(__name__)

START_SECONDS = 60.0
"""A child that is not ready by then is given up: importing takes a second on a slow machine."""
CLOSED_SECONDS = 1.0
"""A child that closed its connection may take so long to end by itself: its exit code says more than we know."""
KILL_SECONDS = 10.0
"""How long a reaper that was told to end may take: longer than it waits for what it killed."""
REMEMBERED_RUNS = 8
"""Runs whose last words are told from nonsense: a thread of a handler may speak while the handler returns."""


class ChildProcess:
    """One child process, as the worker sees it: it runs one attempt at a time. Belongs to the event loop."""

    def __init__(self, context: ForkServerContext, *, kill_seconds: float = KILL_SECONDS) -> None:
        self._context = context
        self._kill_seconds = kill_seconds
        self._loop = asyncio.get_running_loop()
        self._process: BaseProcess | None = None
        self._wire: ChildConnection | None = None
        self._pidfd: int | None = None
        self._pid: int | None = None
        """The process that runs handlers, once it is known."""
        self._ready = asyncio.Event()
        self._gone = False
        self._fault: str | None = None
        self._over: JobError | None = None
        """Why it is ended because of its memory."""
        self._run: ChildRun | None = None
        self.begun = False
        """Whether the child has taken the attempt: before that it has run nothing of it."""
        self._ended: asyncio.Future[Ending] | None = None
        self._earlier: deque[frozenset[AttemptId]] = deque(maxlen=REMEMBERED_RUNS)
        self._calls = ChildCalls(self._send)

    @property
    def alive(self) -> bool:
        """Whether it can be given another attempt."""
        return not self._gone and self._fault is None and self._over is None

    @property
    def pid(self) -> int | None:
        """The process that runs handlers, once it is known and until it has ended."""
        return None if self._gone else self._pid

    async def run(self, run: ChildRun, started: Callable[[], None]) -> Ending:
        """Run an attempt or a batch. Calls `started` when it is handed over."""
        self._run, self.begun = run, False
        self._ended = self._loop.create_future()
        if self._process is None:
            await self._start()
        if not self._gone and not self._ready.is_set():
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._ready.wait()
            except TimeoutError:
                self.kill()
        if run.stopped:
            self.kill()
        elif self._wire is not None and not self._gone:
            started()
            self._wire.send(run.message)
        return await self._ended

    def end_over_memory(self, used: int, limit: int) -> None:
        """Kill the child because it uses `used` bytes of the `limit` MiB that its attempt may: that is the attempt's error."""
        if not self._gone and self._run is not None and self._over is None:
            self._over = over_memory(used, limit)
            about = self._run.id
            log.warning(
                "child.over_memory", pid=self._pid, job=str(about.job), attempt=about.attempt, bytes=used
            )
            self.kill()

    def kill(self) -> None:
        """Kill the child with everything that it started."""
        if self._gone or self._process is None:
            return
        if sys.platform == "linux" and self._ready.is_set():
            self._signal(signal.SIGTERM)  # to its reaper
            self._loop.call_later(self._kill_seconds, self._kill_reaper)
        else:
            self._signal(signal.SIGKILL)

    def _kill_reaper(self) -> None:
        if not self._gone:
            log.error("child.not_ended", pid=self._pid, seconds=self._kill_seconds)
            self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to this process and no other: its number may have been given away since it ended."""
        assert self._process is not None
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            elif sys.platform != "linux" and self._ready.is_set():
                os.killpg(self._process.pid, number)
            else:
                os.kill(self._process.pid, number)

    async def _start(self) -> None:
        """Start the process. Starting blocks for some milliseconds, the first one for the fork server's start."""
        ours, theirs = socket.socketpair()
        self._process = self._context.Process(target=child.main, args=(theirs,), name="corral-job")
        try:
            await aside(self._process.start)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        if sys.platform == "linux":
            with contextlib.suppress(OSError):  # an old kernel, or a sandbox that refuses it
                self._pidfd = os.pidfd_open(self._process.pid or 0)
        self._wire = ChildConnection(ours, hear=self._hear, broken=self._break, ended=self._closed)
        self._loop.add_reader(self._process.sentinel, self._end)

    def _hear(self, message: object) -> None:
        match message:
            case messages.ChildReady(pid=pid):
                self._pid = pid
                self._ready.set()
            case (
                messages.Begun()
                | messages.Ended()
                | messages.JobEnded()
                | messages.ProgressMessage()
                | messages.LogMessage()
                | messages.Call()
            ):
                self._hear_of(message)
            case messages.EndedSpan(span=span):
                self._hear_span(span)
            case _:
                self._break(f"a child does not say {type(message).__qualname__}")

    def _hear_span(self, span: dict[str, Any]) -> None:
        try:
            child_spans.pass_on(span)
        except Exception as error:  # noqa: BLE001  # whatever it is, this is no span
            self._break(f"a span can't be read: {error!r}")

    def _hear_of(self, message: messages.Message) -> None:
        run = self._run
        match message:
            case messages.Begun() if run is not None and message.attempt == run.id:
                self.begun = True
                return
            case messages.Ended(ending=ending, lines_dropped=dropped) if (
                run is not None and message.attempt == run.id
            ):
                run.lead.lines_dropped += dropped
                self._settle(ending)
                return
            case _:
                pass
        execution, line = (run.members if run else {}).get(message.attempt, (None, None))
        if run is None or execution is None or line is None or execution.ending is not None:
            self._hear_late(message)
            return
        match message:
            case messages.ProgressMessage(percent=percent, message=text):
                line.progress(percent, text)
            case messages.LogMessage(text=text, fields=fields):
                line.log(text, fields)
            case messages.Call():
                self._calls.answer(message, line)
            case messages.JobEnded(ending=ending, lines_dropped=dropped) if run.settle is not None:
                execution.lines_dropped += dropped
                run.settle(execution, ending)
            case _:
                self._break(f"a handler of this kind does not say {type(message).__qualname__}")

    def _hear_late(self, message: messages.Message) -> None:
        """Drop messages about an attempt that has ended, so that they reach no other attempt."""
        job, attempt = message.attempt
        known = self._run.known if self._run else frozenset()
        if message.attempt not in known and not any(message.attempt in one for one in self._earlier):
            self._break(f"it speaks of attempt {attempt} of job {job}, which it was never given")
            return
        metrics.SWALLOWED.labels("child.late").inc()
        log.info("child.late", pid=self._pid, job=str(job), attempt=attempt, what=type(message).__qualname__)
        if isinstance(message, messages.Call):
            error = Conflict(f"attempt {attempt} of job {job} has ended: its context can't be used any more")
            self._send(messages.CallAnswer.refusing(message.number, error))

    def _send(self, message: object) -> None:
        if self._wire is not None:
            self._wire.send(message)

    def _break(self, reason: str) -> None:
        """What came is no message for this worker: whatever follows can't be believed, and the child is ended."""
        if self._fault is None and not self._gone:
            self._fault = reason
            metrics.SWALLOWED.labels("child").inc()
            about = self._run.id if self._run else None
            log.error(
                "child.out_of_step",
                pid=self._pid,
                reason=reason,
                job=str(about.job) if about else None,
                attempt=about.attempt if about else None,
            )
            self.kill()

    def _closed(self) -> None:
        """The child closed the connection: it ended, or its handler closed what it did not know."""
        if not self._gone:
            self._loop.call_later(CLOSED_SECONDS, self._break, "the handler closed the connection")

    def _end(self) -> None:
        """Settle what the end of the process leaves open."""
        assert self._process is not None
        assert self._wire is not None
        self._loop.remove_reader(self._process.sentinel)
        self._wire.drain()
        self._process.join()
        self._gone = True
        self._ready.set()
        self._wire.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        exitcode = self._process.exitcode
        self._process.close()
        stopped = self._run is not None and self._run.stopped
        if self._ended is not None and not self._ended.done() and not stopped:
            metrics.CHILDREN_DIED.labels(death(exitcode)).inc()
            log.warning("child.died", pid=self._pid, how=death(exitcode))
        self._settle(self._ending(exitcode))

    def _ending(self, exitcode: int | None) -> Ending:
        if self._over is not None:
            return Raised(self._over)
        if self._fault is not None:
            return _disconnected(self._fault)
        if exitcode == worker_connection.LOST:
            return _disconnected("the handler closed it, or put another file in its place")
        return Died(exitcode)

    def _settle(self, ending: Ending) -> None:
        if self._run is not None:
            self._earlier.append(self._run.known)
        self._run = None
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(ending)


def _disconnected(reason: str) -> Raised:
    return Raised(
        JobError(
            ErrorKind.EXIT,
            "ConnectionLost",
            f"the handler's process lost its connection to the worker and was ended: {reason}",
        )
    )
