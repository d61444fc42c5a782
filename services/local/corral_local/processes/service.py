"""A service that is replaced without a gap: the new process serves before the old one stops."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from corral_local.processes.gate import Gate
from corral_local.processes.processes import ProgramProcess
from corral_local.processes.readiness import Readiness
from corral_local.processes.supervisor import Say, Supervisor, ending

SUCCESSOR_SECONDS = 30.0
"""Seconds that a new process has to serve; after that it is stopped and the old one stays."""
GIVEN_UP_GRACE_SECONDS = 2.0
"""Seconds that such a process has to shut down."""

Make = Callable[[str, int, int | None], ProgramProcess]
"""Makes a program from its name, the descriptor to which it reports that it serves, and that of a gate, or None."""


@dataclass(frozen=True, slots=True)
class _ProgramRun:
    """One run of the service, with its pipes."""

    program: ProgramProcess
    readiness: Readiness
    gate: Gate | None

    def close(self) -> None:
        """Close the pipes, once nothing runs."""
        self.readiness.close()
        if self.gate is not None:
            self.gate.close()


class Service:
    """The publisher, or maintenance. During a replacement both processes serve for a moment, on shared sockets."""

    def __init__(
        self,
        name: str,
        make: Make,
        supervisor: Supervisor,
        say: Say,
        *,
        processes: int,
        grace: float,
        spare: bool = False,
    ) -> None:
        """Describe the service.

        Args:
            name: its name in messages.
            make: makes its programs.
            supervisor: keeps its programs running.
            say: tells the person at the terminal.
            processes: number of processes that report that they serve.
            grace: seconds that the old process has to finish.
            spare: whether a process that has loaded its libraries waits for the next change of code.
        """
        self._name, self._make, self._supervisor, self._say = name, make, supervisor, say
        self._processes, self._grace, self._spares = processes, grace, spare
        self._number = 0
        self._run = self._next(gate=False)
        self._spare: _ProgramRun | None = None
        self._leaving: dict[ProgramProcess, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Start the service and keep it running.

        Raises:
            LocalServerError: it did not start.
        """
        await self._supervisor.keep(self._run.program)

    async def prepare(self) -> None:
        """Start the spare process for the next change, where this service has one."""
        if self._spares:
            self._spare = self._next(gate=True)
            await self._supervisor.try_out(self._spare.program)

    async def replace(self) -> None:
        """Replace the process by one with the current code. Where that does not start, the old one stays and a message says why."""
        successor = await self._successor()
        try:
            serves = await successor.readiness.heard(
                self._processes, SUCCESSOR_SECONDS, lambda: successor.program.running
            )
        except BaseException:
            await self._give_up(successor)
            raise
        if serves:
            self._supervisor.trust(successor.program)
            old, self._run = self._run, successor
            self._supervisor.forget(old.program)
            task = asyncio.create_task(self._leave(old), name=f"end of {old.program.name}")
            self._leaving[old.program] = task
            self._say(f"the {self._name} runs the changed code")
        else:
            program = successor.program
            how = "takes too long to start" if program.running else ending(program.exit_code)
            await self._give_up(successor)
            self._say(
                f"the changed code of the {self._name} does not start ({how}); the old one goes on:\n{program.tail()}"
            )
        await self.prepare()

    @property
    def leaving(self) -> list[ProgramProcess]:
        """Old processes that finish what they have begun."""
        return list(self._leaving)

    async def left(self) -> None:
        """Wait until the old processes have ended; each has its grace."""
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    def close(self) -> None:
        """Close the pipes, once nothing runs."""
        self._run.close()
        if self._spare is not None:
            self._spare.close()

    async def _successor(self) -> _ProgramRun:
        """The spare process, released; a new process where there is no spare."""
        spare, self._spare = self._spare, None
        if spare is not None and spare.gate is not None and spare.program.running:
            spare.gate.open()
            return spare
        if spare is not None:
            await self._give_up(spare)
        run = self._next(gate=False)
        await self._supervisor.try_out(run.program)
        return run

    def _next(self, *, gate: bool) -> _ProgramRun:
        self._number += 1
        name = self._name if self._number == 1 else f"{self._name} ({self._number})"
        readiness, waits = Readiness(), Gate() if gate else None
        program = self._make(name, readiness.descriptor, None if waits is None else waits.descriptor)
        return _ProgramRun(program, readiness, waits)

    async def _leave(self, old: _ProgramRun) -> None:
        try:
            await self._supervisor.let_go(old.program, self._grace)
        finally:
            del self._leaving[old.program]
            old.close()

    async def _give_up(self, run: _ProgramRun) -> None:
        await self._supervisor.let_go(run.program, GIVEN_UP_GRACE_SECONDS)
        run.close()
