"""The local pool of worker processes: it is scaled without interrupting jobs, and replaced when code changes."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Protocol

from corral.errors import NotFound, Unavailable
from corral_local.processes.processes import ProgramProcess
from corral_local.processes.supervisor import Say, Supervisor, ending

POLL_SECONDS = 0.3
"""Seconds between two checks whether a worker is ready, or idle."""
REPLACEMENT_SECONDS = 30.0
"""Seconds that a replacement has to register. After that the old workers stay."""


class Roster(Protocol):
    """The workers in the database."""

    async def running(self) -> Mapping[str, int]:
        """Number of jobs that each living worker runs, by its name. A worker that is not ready, or gone, is missing."""

    async def drain(self, worker: str) -> bool:
        """Drain the worker of that name; returns whether it claimed until now."""


class LocalWorkerPool:
    """The worker processes of one `corral up`. They are named `up-1`, `up-2`, …; no name is used twice."""

    def __init__(
        self,
        make: Callable[[str], ProgramProcess],
        supervisor: Supervisor,
        roster: Roster,
        say: Say,
        *,
        grace: float,
    ) -> None:
        self._make, self._supervisor, self._roster, self._say = make, supervisor, roster, say
        self._grace = grace
        self._numbers = itertools.count(1)
        self._changing = asyncio.Lock()
        """Held while the pool is scaled or replaced, so that both don't happen at once."""
        self._active: list[ProgramProcess] = []
        self._leaving: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> list[str]:
        """The workers that claim, the oldest first."""
        return [worker.name for worker in self._active]

    @property
    def size(self) -> int:
        """Number of workers that claim."""
        return len(self._active)

    @property
    def leaving(self) -> list[str]:
        """Names of the workers that finish what they run."""
        return list(self._leaving)

    async def scale(self, to: int) -> None:
        """Start or drain workers so that `to` of them claim."""
        async with self._changing:
            while len(self._active) < to:
                await self._add()
            surplus = len(self._active) - to
            if surplus > 0:
                for worker in await self._victims(surplus):
                    self._dismiss(worker)

    async def ready(self, worker: str | None = None) -> bool:
        """Whether the worker of that name, or any worker, has registered."""
        running = await self._roster.running()
        return worker in running if worker else any(name in running for name in self.names)

    async def candidate(self) -> ProgramProcess | None:
        """Start a worker with the current code on trial. Returns it once it has registered; None, with a message, if it does not."""
        first = self._next()
        try:
            await self._supervisor.try_out(first)
            if await self._comes_up(first):
                return first
        except asyncio.CancelledError:
            await self._supervisor.let_go(first, 0)
            raise
        await self._supervisor.let_go(first, 0)
        self._say(
            f"the changed code does not start ({ending(first.exit_code)}); the old workers go on:\n{first.tail()}"
        )
        return None

    async def replace(self, first: ProgramProcess) -> None:
        """Add the candidate and as many more workers as there were, and drain the old ones."""
        async with self._changing:
            old = list(self._active)
            self._active.append(first)
            self._supervisor.trust(first)
            for _ in old[1:]:
                await self._add()
            for worker in old:
                self._dismiss(worker)

    async def close(self) -> None:
        """Stop waiting for leaving workers; the caller stops all processes."""
        for task in self._leaving.values():
            task.cancel()
        await asyncio.gather(*self._leaving.values(), return_exceptions=True)

    async def _add(self) -> None:
        worker = self._next()
        self._active.append(worker)
        await self._supervisor.keep(worker)

    def _next(self) -> ProgramProcess:
        return self._make(f"up-{next(self._numbers)}")

    async def _comes_up(self, worker: ProgramProcess) -> bool:
        """Whether a worker registers before it ends or `REPLACEMENT_SECONDS` are over."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + REPLACEMENT_SECONDS
        while worker.running and clock() < deadline:
            if await self.ready(worker.name):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _victims(self, count: int) -> list[ProgramProcess]:
        """The workers to remove: first those not ready or idle, then the least loaded, then the youngest."""
        running = await self._roster.running()
        age = {worker.name: position for position, worker in enumerate(self._active)}
        ordered = sorted(self._active, key=lambda worker: (running.get(worker.name, 0), -age[worker.name]))
        return ordered[:count]

    def _dismiss(self, worker: ProgramProcess) -> None:
        self._active.remove(worker)
        self._supervisor.forget(worker)
        self._leaving[worker.name] = asyncio.create_task(self._leave(worker), name=f"drain {worker.name}")

    async def _leave(self, worker: ProgramProcess) -> None:
        """Drain a worker and stop it when it is idle, however long its jobs take."""
        try:
            await self._until_idle(worker)
            if not worker.running:
                self._supervisor.died(worker)
            await self._supervisor.let_go(worker, self._grace)
        finally:
            del self._leaving[worker.name]

    async def _until_idle(self, worker: ProgramProcess) -> None:
        """Return when the worker claims no more and runs nothing. While Postgres is away, no worker counts as idle."""
        while worker.running:
            try:
                running = await self._roster.running()
                if worker.name in running and await self._roster.drain(worker.name):
                    pass  # it claimed until now; again, where a person has lifted its drain
                elif not running.get(worker.name, 0):  # idle; or not up yet, or gone
                    return
            except Unavailable:
                pass  # Postgres is away, and says so elsewhere
            except NotFound:
                return
            await asyncio.sleep(POLL_SECONDS)
