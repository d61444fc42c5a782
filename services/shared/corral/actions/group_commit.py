"""Group commit (protocol rule 2): submissions that arrive while a commit is under way share the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.waiting_caller import WaitingCaller
from corral.errors import Conflict, InvalidInput, OutcomeUnknown, SchemaMismatch, Unavailable
from corral.job.job import Accepted, NewJob

log = structlog.get_logger(__name__)

Insert = Callable[[Sequence[NewJob]], Awaitable[list[Accepted]]]
Existing = Callable[[Sequence[UUID]], Awaitable[list[Accepted]]]

MAX_GROUP_JOBS = 500
"""Jobs in one statement; a larger bulk is a group of its own."""
MAX_PENDING = 20_000
"""Jobs that may wait for a commit before callers are turned away."""
MAX_LARGE_BULKS = 2
"""Large bulks under way at once: each holds a connection for long."""


@dataclass(slots=True)
class Unit(WaitingCaller[list[Accepted]]):
    """Jobs that are stored together or not at all: those of one submission, or of one bulk."""

    jobs: Sequence[NewJob]


class GroupCommit:
    """Collects units and inserts them in groups, one group at a time. Belongs to one event loop."""

    def __init__(self, insert: Insert, existing: Existing) -> None:
        """`existing` tells which of some ids are stored; it is asked when an insert ended without an answer."""
        self._insert = insert
        self._existing = existing
        self._pending: deque[Unit] = deque()
        self._jobs_pending = 0
        self._committing: asyncio.Task[None] | None = None
        self._bulks = asyncio.Semaphore(MAX_LARGE_BULKS)

    async def commit(self, jobs: Sequence[NewJob]) -> list[Accepted]:
        """Store the jobs, all or none. A lone caller never waits; a caller that goes away changes nothing.

        Raises:
            OutcomeUnknown: the database went away while committing; names these jobs.
            Unavailable: the database is away, or too many submissions wait.
        """
        if self._jobs_pending + len(jobs) > MAX_PENDING:
            raise Unavailable("postgres", f"{self._jobs_pending:,} submissions wait for it already")
        unit = Unit(jobs)
        self._jobs_pending += len(jobs)
        if len(jobs) > MAX_GROUP_JOBS:
            task = asyncio.create_task(self._bulk(unit))
            task.add_done_callback(_retrieved)
        else:
            self._pending.append(unit)
            if self._committing is None or self._committing.done():
                self._committing = asyncio.create_task(self._run())
        return await asyncio.shield(unit.answer)

    async def close(self) -> None:
        """Wait for the groups that are under way."""
        if self._committing is not None:
            await asyncio.wait([self._committing])

    async def _bulk(self, unit: Unit) -> None:
        async with self._bulks:
            await self._store([unit])

    async def _run(self) -> None:
        while self._pending:
            await self._store(self._next_group())

    def _next_group(self) -> list[Unit]:
        group = [self._pending.popleft()]
        size = len(group[0].jobs)
        while self._pending and size + len(self._pending[0].jobs) <= MAX_GROUP_JOBS:
            unit = self._pending.popleft()
            group.append(unit)
            size += len(unit.jobs)
        return group

    async def _store(self, group: list[Unit]) -> None:
        try:
            metrics.SUBMIT_BATCH.observe(sum(len(unit.jobs) for unit in group))
            await self._store_together(group)
        finally:
            self._jobs_pending -= sum(len(unit.jobs) for unit in group)
            for unit in group:
                unit.tell(Unavailable("postgres", "the publisher is stopping"))

    async def _store_together(self, group: list[Unit]) -> None:
        jobs = group[0].jobs if len(group) == 1 else [job for unit in group for job in unit.jobs]
        try:
            accepted = await self._insert(jobs)
        except OutcomeUnknown:
            _unknown(group)
        except (Unavailable, SchemaMismatch) as error:
            for unit in group:
                unit.tell(error)
        except (InvalidInput, Conflict) as error:
            await self._store_apart(group, error)
        except Exception as error:
            log.exception("submit.group_failed", jobs=len(jobs))
            await self._settle(group, jobs, error)
        else:
            _deal(group, accepted)

    async def _store_apart(self, group: list[Unit], error: Exception) -> None:
        """Nothing of the group was stored: each unit for itself, so that only the culprit fails."""
        if len(group) == 1:
            group[0].tell(error)
            return
        metrics.SUBMIT_BATCHES_SPLIT.inc()
        log.warning("submit.group_split", jobs=sum(len(unit.jobs) for unit in group), error=repr(error))
        for unit in group:
            await self._store_together([unit])

    async def _settle(self, group: list[Unit], jobs: Sequence[NewJob], error: Exception) -> None:
        """After an error that does not tell whether the group was stored: ask, and insert again only what is missing."""
        try:
            stored = {accepted.id: accepted for accepted in await self._existing([job.id for job in jobs])}
        except Exception:
            log.exception("submit.group_unknown", jobs=len(jobs))
            _unknown(group)
            return
        if not stored:
            await self._store_apart(group, error)
            return
        for unit in group:
            found = [stored[job.id] for job in unit.jobs if job.id in stored]
            unit.tell(found if len(found) == len(unit.jobs) else error)


def _deal(group: list[Unit], accepted: list[Accepted]) -> None:
    start = 0
    for unit in group:
        unit.tell(accepted[start : start + len(unit.jobs)])
        start += len(unit.jobs)


def _unknown(group: list[Unit]) -> None:
    for unit in group:
        unit.tell(OutcomeUnknown(tuple(job.id for job in unit.jobs)))


def _retrieved(task: asyncio.Task[None]) -> None:
    """Every error of a bulk went to its unit; a cancelled task says nothing more."""
    if not task.cancelled():
        task.exception()
