"""Handlers in processes: one child per slot, with a connection of its own (docs/adr/0005).

Nothing is shared between children, so one that is killed at any moment, by us or by the kernel,
takes nothing but its own attempt with it. Children come from a fork server: a small process
without threads, so starting one takes milliseconds and copies no lock in a wrong state.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from corral import metrics
from corral.context import Line
from corral_worker import child, messages
from corral_worker.ending import Died, Ending
from corral_worker.execution import Execution
from corral_worker.failure import death

log = structlog.get_logger(__name__)

START_SECONDS = 60.0
"""A child that is not ready by then is given up: importing takes a second on a slow machine."""


class Processes:
    """At most `size` children, started when needed and kept."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._context = _context()
        self._free = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._running: dict[Execution, _Child] = {}

    async def run(self, execution: Execution, line: Line, started: Callable[[], None]) -> Ending:
        """Run the attempt in a child; dead children are endings. Calls `started` when the child begins."""
        async with self._free:
            one = self._take()
            self._running[execution] = one
            try:
                ending = await one.run(execution, line, started)
            finally:
                del self._running[execution]
            if one.alive:
                self._idle.append(one)
            return ending

    def _take(self) -> "_Child":
        while self._idle:
            one = self._idle.pop()
            if one.alive:  # the kernel may have killed it meanwhile
                return one
        return _Child(self._context)

    def kill(self, execution: Execution) -> None:
        """End the attempt now, with everything it started."""
        one = self._running.get(execution)
        if one is not None:
            one.kill()

    def close(self) -> None:
        """Kill all children."""
        for one in (*self._idle, *self._running.values()):
            one.kill()


class _Child:
    """One process, and the thread that listens to it."""

    def __init__(self, context: ForkServerContext | SpawnContext) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = context
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._ready = asyncio.Event()
        self._gone = False
        self._ended: asyncio.Future[Ending] | None = None
        self._line: Line | None = None
        self._execution: Execution | None = None
        self._calls: set[asyncio.Task[None]] = set()

    @property
    def alive(self) -> bool:
        return not self._gone

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def run(self, execution: Execution, line: Line, started: Callable[[], None]) -> Ending:
        self._execution, self._line = execution, line
        self._ended = self._loop.create_future()
        if self._process is None:
            # Starting blocks for some milliseconds, the first one for the fork server's start.
            await asyncio.to_thread(self._start)
        if not self._gone and not self._ready.is_set():
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._ready.wait()
            except TimeoutError:
                self.kill()
        if execution.stop is not None:
            self.kill()
        elif not self._gone:
            started()
            self._send(_run_message(execution))
        return await self._ended

    def kill(self) -> None:
        """SIGKILL to the child's group; before it leads one, to itself."""
        if self._gone or self._process is None or self._process.pid is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._ready.is_set():
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                os.kill(self._process.pid, signal.SIGKILL)

    def _start(self) -> None:
        ours, theirs = self._context.Pipe(duplex=True)
        process = self._context.Process(target=child.main, args=(theirs,), name="corral-job")
        process.start()
        theirs.close()
        self._process, self._connection = process, ours
        threading.Thread(target=self._listen, name=f"child-{process.pid}", daemon=True).start()

    def _listen(self) -> None:
        """Pass messages to the loop until the process ends; a fork of it may hold the connection open."""
        process, connection = self._process, self._connection
        assert process is not None
        assert connection is not None
        open_ = True
        while process.sentinel not in wait([process.sentinel, *([connection] if open_ else [])]):
            open_ = self._pass_on(connection)
        while open_ and connection.poll(0):
            open_ = self._pass_on(connection)
        process.join()
        with contextlib.suppress(RuntimeError):  # the loop is closed: the worker has ended
            self._loop.call_soon_threadsafe(self._end, process.exitcode)

    def _pass_on(self, connection: Connection) -> bool:
        """Pass one message on; answers whether there may be more."""
        try:
            message = connection.recv()
        except (EOFError, OSError):
            return False
        except Exception as error:  # noqa: BLE001  # a broken message: the child was killed amid it
            metrics.SWALLOWED.labels("child").inc()
            log.warning("child.unreadable", pid=self.pid, error=repr(error))
            return False
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._hear, message)
        return True

    def _hear(self, message: object) -> None:
        execution, line = self._execution, self._line
        if isinstance(message, messages.Ready):
            self._ready.set()
            return
        if execution is None or line is None:
            return
        match message:
            case messages.Progress(percent=percent, message=text):
                line.progress(percent, text)
            case messages.LogLine(text=text, fields=fields):
                line.log(text, fields)
            case messages.Call():
                task = self._loop.create_task(self._answer(message, line))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            case messages.Ended(ending=ending, lines_dropped=dropped):
                execution.lines_dropped += dropped
                self._settle(ending)

    async def _answer(self, call: messages.Call, line: Line) -> None:
        try:
            method: Callable[..., Any] = getattr(line, call.method)
            answer = messages.Answer(call.number, await method(*call.arguments))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is raised in the handler
            answer = messages.Answer.refusing(call.number, error)
        await asyncio.to_thread(self._send, answer)

    def _send(self, message: object) -> None:
        assert self._connection is not None
        # A child that died is heard of through its sentinel.
        with contextlib.suppress(OSError, ValueError):
            self._connection.send(message)

    def _end(self, exitcode: int | None) -> None:
        self._gone = True
        self._ready.set()
        if self._connection is not None:
            self._connection.close()
        stop = self._execution.stop if self._execution else None
        if self._ended is not None and not self._ended.done() and stop is None:
            metrics.CHILDREN_DIED.labels(death(exitcode)).inc()
            log.warning("child.died", pid=self.pid, how=death(exitcode))
        self._settle(Died(exitcode))

    def _settle(self, ending: Ending) -> None:
        self._execution = self._line = None
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(ending)


def _run_message(execution: Execution) -> messages.Run:
    declared = execution.declared
    assert declared.attached is not None
    modules = (declared.attached.reference[0], declared.module)
    return messages.Run(execution.claimed, modules, execution.claimed.timeout)


def _context() -> ForkServerContext | SpawnContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["corral_worker.fork_server"])
    return context
