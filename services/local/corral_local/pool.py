"""The local pool of workers: grows at once, shrinks without interrupting a job, replaces itself."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Protocol

from corral.errors import NotFound, Unavailable
from corral_local.processes import ProgramProcess
from corral_local.supervisor import Say, Supervisor, ending

POLL_SECONDS = 0.3
"""Seconds between two looks at whether a worker is ready, or idle."""
REPLACEMENT_SECONDS = 30.0
"""Seconds a replacement has to register before the old workers stay."""


class Roster(Protocol):
    """What the database knows of workers."""

    async def running(self) -> Mapping[str, int]:
        """Jobs that each living worker runs, by its name. A worker that is missing is not ready or gone."""

    async def drain(self, worker: str) -> bool:
        """Let the worker of that name claim no more; whether it did until now."""


class LocalWorkerPool:
    """Local worker processes. `up-1`, `up-2`, … are never used twice for different processes of one run."""

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
        """Scaling and replacing take turns."""
        self._active: list[ProgramProcess] = []
        self._leaving: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> list[str]:
        """The workers that claim, the oldest first."""
        return [worker.name for worker in self._active]

    @property
    def size(self) -> int:
        """How many workers claim."""
        return len(self._active)

    @property
    def leaving(self) -> list[str]:
        """The workers that finish what they run."""
        return list(self._leaving)

    async def scale(self, to: int) -> None:
        """Have `to` workers that claim."""
        async with self._changing:
            while len(self._active) < to:
                await self._add()
            surplus = len(self._active) - to
            if surplus > 0:
                for worker in await self._victims(surplus):
                    self._dismiss(worker)

    async def ready(self, worker: str | None = None) -> bool:
        """Whether a worker, or any, has registered."""
        running = await self._roster.running()
        return worker in running if worker else any(name in running for name in self.names)

    async def candidate(self) -> ProgramProcess | None:
        """A worker that is tried out: it registered. None where it does not, which is told."""
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
        """Take in a candidate and as many more as are needed, and let the old workers finish."""
        async with self._changing:
            old = list(self._active)
            self._active.append(first)
            self._supervisor.trust(first)
            for _ in old[1:]:
                await self._add()
            for worker in old:
                self._dismiss(worker)

    async def close(self) -> None:
        """Forget those that were leaving; the caller stops what runs."""
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
        """Whether a worker registers before it dies or its time is over."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + REPLACEMENT_SECONDS
        while worker.running and clock() < deadline:
            if await self.ready(worker.name):
                return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    async def _victims(self, count: int) -> list[ProgramProcess]:
        """Whom to let go: those not up yet or idle, then the least loaded, then the youngest."""
        running = await self._roster.running()
        age = {worker.name: position for position, worker in enumerate(self._active)}
        ordered = sorted(self._active, key=lambda worker: (running.get(worker.name, 0), -age[worker.name]))
        return ordered[:count]

    def _dismiss(self, worker: ProgramProcess) -> None:
        self._active.remove(worker)
        self._supervisor.forget(worker)
        self._leaving[worker.name] = asyncio.create_task(self._leave(worker), name=f"drain {worker.name}")

    async def _leave(self, worker: ProgramProcess) -> None:
        """Drain a worker and stop it when it is idle: nothing is interrupted, however long a job takes."""
        try:
            await self._until_idle(worker)
            if not worker.running:
                self._supervisor.died(worker)
            await self._supervisor.let_go(worker, self._grace)
        finally:
            del self._leaving[worker.name]

    async def _until_idle(self, worker: ProgramProcess) -> None:
        """Return when the worker claims no more and runs nothing. Without an answer nothing is idle."""
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
