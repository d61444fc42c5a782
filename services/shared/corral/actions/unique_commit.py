"""Submissions with unique jobs: a lane of their own, in which those that wait share a commit (protocol rules 2 and 33)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from corral import metrics
from corral.actions.waiting_caller import WaitingCaller
from corral.errors import CorralError, OutcomeUnknown, Unavailable
from corral.job.job import Accepted, NewJob
from corral.refusals import Duplicate

log = structlog.get_logger(__name__)

MAX_GROUP_JOBS = 500
"""Jobs in one transaction; a larger bulk has one of its own."""
MAX_PENDING = 20_000
"""Jobs that may wait for a transaction before callers are turned away."""
MAX_LARGE_BULKS = 2
"""Large bulks under way at once: each holds a connection for long."""


class InsertUnique(Protocol):
    """Stores submissions; see `corral.store.unique_jobs.UniqueJobs.insert`."""

    def __call__(
        self, submissions: Sequence[Sequence[NewJob]], *, partial: bool = False
    ) -> Awaitable[list[list[Accepted] | Duplicate]]:
        """Store them; the answers, one for each."""


@dataclass(slots=True)
class UniqueUnit(WaitingCaller[list[Accepted]]):
    """Jobs that are stored together, and the caller that waits for what came of it."""

    jobs: Sequence[NewJob]
    partial: bool


class UniqueCommit:
    """Stores submissions with unique jobs in groups, one group at a time. Belongs to one event loop."""

    def __init__(self, insert: InsertUnique) -> None:
        self._insert = insert
        self._pending: deque[UniqueUnit] = deque()
        self._jobs_pending = 0
        self._committing: asyncio.Task[None] | None = None
        self._bulks = asyncio.Semaphore(MAX_LARGE_BULKS)
        self._large: set[asyncio.Task[None]] = set()

    async def commit(self, jobs: Sequence[NewJob], *, partial: bool = False) -> list[Accepted]:
        """Store the jobs, or learn which jobs hold their keys. With `partial` a refused one leaves the others alone.

        Raises:
            Duplicate: a duplicate is refused, and with it everything; not with `partial`.
            OutcomeUnknown: the database went away while committing; names the jobs.
            Unavailable: the database is away, somebody holds a key, or too many submissions wait.
        """
        if self._jobs_pending + len(jobs) > MAX_PENDING:
            raise Unavailable("postgres", f"{self._jobs_pending:,} submissions wait for it already")
        unit = UniqueUnit(jobs, partial)
        self._jobs_pending += len(jobs)
        if partial or len(jobs) > MAX_GROUP_JOBS:
            task = asyncio.create_task(self._alone(unit))
            self._large.add(task)
            task.add_done_callback(self._large.discard)
        else:
            self._pending.append(unit)
            if self._committing is None or self._committing.done():
                self._committing = asyncio.create_task(self._run())
        return await asyncio.shield(unit.answer)

    async def close(self) -> None:
        """Wait for the groups that are under way."""
        if under_way := [*self._large, *([self._committing] if self._committing else [])]:
            await asyncio.wait(under_way)

    async def _alone(self, unit: UniqueUnit) -> None:
        async with self._bulks:
            await self._store([unit])

    async def _run(self) -> None:
        while self._pending:
            await self._store(self._next_group())

    def _next_group(self) -> list[UniqueUnit]:
        group = [self._pending.popleft()]
        size = len(group[0].jobs)
        while self._pending and size + len(self._pending[0].jobs) <= MAX_GROUP_JOBS:
            group.append(self._pending.popleft())
            size += len(group[-1].jobs)
        return group

    async def _store(self, group: list[UniqueUnit]) -> None:
        try:
            await self._store_together(group)
        finally:
            self._jobs_pending -= sum(len(unit.jobs) for unit in group)
            for unit in group:
                unit.tell(Unavailable("postgres", "the publisher is stopping"))

    async def _store_together(self, group: list[UniqueUnit]) -> None:
        try:
            answers = await self._insert([unit.jobs for unit in group], partial=group[0].partial)
        except OutcomeUnknown:
            for unit in group:
                unit.tell(OutcomeUnknown(tuple(job.id for job in unit.jobs)))
        except Exception as error:
            if len(group) > 1:  # each for itself, so that only the culprit fails
                metrics.SUBMIT_BATCHES_SPLIT.inc()
                for unit in group:
                    await self._store_together([unit])
                return
            if not isinstance(error, CorralError):
                log.exception("submit.unique_failed", jobs=len(group[0].jobs))
            group[0].tell(error)
        else:
            for unit, answer in zip(group, answers, strict=True):
                unit.tell(answer)
