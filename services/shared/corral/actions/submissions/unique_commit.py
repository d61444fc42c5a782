"""Submissions with unique jobs: a lane of their own, in which those that wait share a commit (protocol rules 2 and 33)."""

from collections.abc import Awaitable, Sequence
from typing import Protocol

import structlog

from corral.actions.submissions.commit_lane import CommitLane, Unit, unknown
from corral.errors import CorralError, OutcomeUnknown
from corral.job.job import Accepted, NewJob
from corral.refusals import Duplicate

log = structlog.get_logger(__name__)


class InsertUnique(Protocol):
    """Stores submissions; see `corral.store.unique.unique_jobs.UniqueJobs.insert`."""

    def __call__(
        self, submissions: Sequence[Sequence[NewJob]], *, partial: bool = False
    ) -> Awaitable[list[list[Accepted] | Duplicate]]:
        """Store them; the answers, one for each."""


class UniqueCommit(CommitLane):
    """The lane of submissions that may wait for the lock of a key."""

    def __init__(self, insert: InsertUnique) -> None:
        super().__init__()
        self._insert = insert

    async def _store_together(self, group: list[Unit]) -> None:
        try:
            answers = await self._insert([unit.jobs for unit in group], partial=group[0].partial)
        except OutcomeUnknown:
            unknown(group)
        except Exception as error:
            if len(group) > 1:
                await self._store_each(group)
                return
            if not isinstance(error, CorralError):
                log.exception("submit.unique_failed", jobs=len(group[0].jobs))
            group[0].tell(error)
        else:
            for unit, answer in zip(group, answers, strict=True):
                unit.tell(answer)
