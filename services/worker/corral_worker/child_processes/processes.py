"""Handlers in processes: one child per slot, with a connection of its own (docs/adr/0005).

Nothing is shared between children, so one that is killed at any moment, by us or by the kernel,
takes nothing but its own attempt with it. Children come from a fork server: a small process
without threads, so starting one takes milliseconds and copies no lock in a wrong state.
"""

import asyncio
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.util import get_temp_dir

from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Ending
from corral_worker.child_processes.child_process import KILL_SECONDS, ChildProcess
from corral_worker.child_processes.child_run import ChildRun
from corral_worker.child_processes.memory_watch import watched

MAX_CHILDREN_TRIED = 3
"""Children that are tried for one attempt; if each ends before it takes it, that is the attempt's error."""
MAX_TMPDIR_CHARACTERS = 60
"""Characters of the temporary folder's name: a socket's has 107, and multiprocessing adds some forty."""


class Processes:
    """Runs handlers in child processes: at most `size`, started when needed and kept."""

    def __init__(self, size: int, *, kill_seconds: float = KILL_SECONDS) -> None:
        """`kill_seconds`: after which a child that was told to end is killed with its reaper."""
        self._kill_seconds = kill_seconds
        self._context = fork_server()
        self._free = asyncio.Semaphore(size)
        self._idle: list[ChildProcess] = []
        self._running: dict[Execution, ChildProcess] = {}

    async def run(self, run: ChildRun, started: Callable[[], None]) -> Ending:
        """Run an attempt or a batch in a child; that the child died is an ending, too. Calls `started` when a child gets it.

        A child that ended before it took the attempt (the kernel had killed it while it was idle, or what an earlier
        handler left in it did) has run nothing of it: another one gets it.
        """
        async with self._free:
            for _ in range(MAX_CHILDREN_TRIED - 1):
                one = self._take()
                ending = await self._run_in(one, run, started)
                if one.begun or one.alive or run.stopped:
                    return ending
            return await self._run_in(self._take(), run, started)

    async def _run_in(self, one: ChildProcess, run: ChildRun, started: Callable[[], None]) -> Ending:
        self._running[run.lead] = one
        try:
            with watched(one, run.lead.options.memory_limit):
                ending = await one.run(run, started)
        finally:
            del self._running[run.lead]
        if one.alive:
            self._idle.append(one)
        return ending

    def _take(self) -> ChildProcess:
        while self._idle:
            one = self._idle.pop()
            if one.alive:  # the kernel may have killed it meanwhile
                return one
        return ChildProcess(self._context, kill_seconds=self._kill_seconds)

    def kill(self, execution: Execution) -> None:
        """End the attempt, or the batch that it leads, now, with everything it started."""
        one = self._running.get(execution)
        if one is not None:
            one.kill()

    def close(self) -> None:
        """Kill all children."""
        for one in (*self._idle, *self._running.values()):
            one.kill()


def fork_server() -> ForkServerContext:
    """Starts children quickly, however long the name of the temporary folder is."""
    if len(os.fsencode(tempfile.gettempdir())) > MAX_TMPDIR_CHARACTERS:
        usual, tempfile.tempdir = tempfile.gettempdir(), "/tmp"  # noqa: S108  mkdtemp makes a folder of our own there
        try:
            get_temp_dir()  # it is remembered for this process
        finally:
            tempfile.tempdir = usual
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["corral_worker.child_processes.fork_server"])
    return context
