"""Group commit of plain jobs, with one statement for each group (protocol rule 2)."""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog

from corral.actions.submissions.commit_lane import CommitLane, Unit, unknown
from corral.errors import Conflict, InvalidInput, OutcomeUnknown, SchemaMismatch, Unavailable
from corral.job.job import Accepted, NewJob

log = structlog.get_logger(__name__)

Insert = Callable[[Sequence[NewJob]], Awaitable[list[Accepted]]]
Existing = Callable[[Sequence[UUID]], Awaitable[list[Accepted]]]
Told = Callable[[Sequence[NewJob], Sequence[Accepted], Sequence[int]], None]
"""Hears of jobs that are stored, and how many of them each submission had. It raises nothing."""


class GroupCommit(CommitLane):
    """The lane of jobs that nobody's key holds up."""

    def __init__(self, insert: Insert, existing: Existing, told: Told = lambda *_: None) -> None:
        """`existing` tells which of some ids are stored; it is asked when an insert ended without an answer.

        `told` hears of each group once, also of the jobs of callers that went away.
        """
        super().__init__()
        self._insert = insert
        self._existing = existing
        self._told = told

    async def _store_together(self, group: list[Unit]) -> None:
        jobs = group[0].jobs if len(group) == 1 else [job for unit in group for job in unit.jobs]
        try:
            accepted = await self._insert(jobs)
        except OutcomeUnknown:
            unknown(group)
        except (Unavailable, SchemaMismatch) as error:
            for unit in group:
                unit.tell(error)
        except (InvalidInput, Conflict) as error:
            await self._store_apart(group, error)
        except Exception as error:
            log.exception("submit.group_failed", jobs=len(jobs))
            await self._settle(group, jobs, error)
        else:
            self._deal(group, jobs, accepted)

    async def _store_apart(self, group: list[Unit], error: Exception) -> None:
        """Nothing of the group was stored: each unit for itself, so that only the culprit fails."""
        if len(group) == 1:
            group[0].tell(error)
            return
        log.warning("submit.group_split", jobs=sum(len(unit.jobs) for unit in group), error=repr(error))
        await self._store_each(group)

    async def _settle(self, group: list[Unit], jobs: Sequence[NewJob], error: Exception) -> None:
        """After an error that does not tell whether the group was stored: ask, and insert again only what is missing."""
        try:
            stored = {accepted.id: accepted for accepted in await self._existing([job.id for job in jobs])}
        except Exception:
            log.exception("submit.group_unknown", jobs=len(jobs))
            unknown(group)
            return
        if not stored:
            await self._store_apart(group, error)
            return
        for unit in group:
            found = [stored[job.id] for job in unit.jobs if job.id in stored]
            if len(found) == len(unit.jobs):
                self._deal([unit], unit.jobs, found)
            else:
                unit.tell(error)

    def _deal(self, group: list[Unit], jobs: Sequence[NewJob], accepted: list[Accepted]) -> None:
        start = 0
        for unit in group:
            unit.tell(accepted[start : start + len(unit.jobs)])
            start += len(unit.jobs)
        self._told(jobs, accepted, [len(unit.jobs) for unit in group])
