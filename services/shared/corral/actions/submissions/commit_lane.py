"""A lane of submissions: those that arrive while a commit is under way share the next one (protocol rule 2)."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from corral import metrics
from corral.actions.submissions.waiting_caller import WaitingCaller
from corral.errors import OutcomeUnknown, Unavailable
from corral.job.job import Accepted, NewJob

MAX_GROUP_JOBS = 500
"""Jobs of one commit; a larger bulk has one of its own."""
MAX_PENDING = 20_000
"""Jobs that may wait for a commit before callers are turned away."""
MAX_LARGE_BULKS = 2
"""Large bulks under way at once: each holds a connection for long."""


@dataclass(slots=True)
class Unit(WaitingCaller[list[Accepted]]):
    """Jobs that are stored together: those of one submission, or of one bulk."""

    jobs: Sequence[NewJob]
    partial: bool
    """Whether a duplicate that is refused leaves the others of the bulk alone."""


class CommitLane(ABC):
    """Collects units and stores them in groups, one group at a time. Belongs to one event loop."""

    def __init__(self) -> None:
        self._pending: deque[Unit] = deque()
        self._jobs_pending = 0
        self._committing: asyncio.Task[None] | None = None
        self._bulks = asyncio.Semaphore(MAX_LARGE_BULKS)
        self._alone: set[asyncio.Task[None]] = set()

    async def commit(self, jobs: Sequence[NewJob], *, partial: bool = False) -> list[Accepted]:
        """Store the jobs, all or none; with `partial` without refused duplicates. A lone caller never waits; one that goes away changes nothing.

        Raises:
            Duplicate: another job holds a key, and refuses these; not with `partial`.
            OutcomeUnknown: the database went away while committing; names these jobs.
            Unavailable: the database is away, somebody holds a key, or too many submissions wait.
        """
        if self._jobs_pending + len(jobs) > MAX_PENDING:
            raise Unavailable("postgres", f"{self._jobs_pending:,} submissions wait for it already")
        unit = Unit(jobs, partial)
        self._jobs_pending += len(jobs)
        if partial or len(jobs) > MAX_GROUP_JOBS:
            self._begin_alone(unit)
        else:
            self._pending.append(unit)
            if self._committing is None or self._committing.done():
                self._committing = asyncio.create_task(self._run())
        return await unit.answer

    async def close(self) -> None:
        """Wait for the commits that are under way."""
        if under_way := [*self._alone, *([self._committing] if self._committing else [])]:
            await asyncio.wait(under_way)

    def _begin_alone(self, unit: Unit) -> None:
        async def store() -> None:
            async with self._bulks:
                await self._store([unit])

        task = asyncio.create_task(store())
        self._alone.add(task)
        task.add_done_callback(self._alone.discard)

    async def _run(self) -> None:
        while self._pending:
            await self._store(self._next_group())

    def _next_group(self) -> list[Unit]:
        group = [self._pending.popleft()]
        size = len(group[0].jobs)
        while self._pending and size + len(self._pending[0].jobs) <= MAX_GROUP_JOBS:
            group.append(self._pending.popleft())
            size += len(group[-1].jobs)
        return group

    async def _store(self, group: list[Unit]) -> None:
        try:
            metrics.SUBMIT_BATCH.observe(sum(len(unit.jobs) for unit in group))
            await self._store_together(group)
        finally:
            self._jobs_pending -= sum(len(unit.jobs) for unit in group)
            for unit in group:
                unit.tell(Unavailable("postgres", "the publisher is stopping"))

    @abstractmethod
    async def _store_together(self, group: list[Unit]) -> None:
        """Store the group in one transaction and answer its units. Its units have one `partial`."""

    async def _store_each(self, group: list[Unit]) -> None:
        """Nothing of the group was stored: each unit for itself, so that only the culprit fails."""
        metrics.SUBMIT_BATCHES_SPLIT.inc()
        for unit in group:
            await self._store_together([unit])


def unknown(group: list[Unit]) -> None:
    """Tell everybody of the group that nobody knows whether it was stored."""
    for unit in group:
        unit.tell(OutcomeUnknown(tuple(job.id for job in unit.jobs)))
