"""Bulks of submissions: what of one was refused, and the rest stored all the same where the caller wants that."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from corral.errors import CorralError, FieldError, InvalidInput, OutcomeUnknown
from corral.job.job import Accepted, NewJob
from corral.refusals import LimitFull


@dataclass(frozen=True, slots=True)
class SubmissionRefused:
    """One submission of a bulk that was not stored, and why. Pointers start at the submission."""

    errors: tuple[FieldError, ...]


class StoreTogether(Protocol):
    """Stores jobs in one transaction; with `partial` those that are duplicates do not keep the others out."""

    def __call__(self, jobs: Sequence[NewJob], *, partial: bool) -> Awaitable[Sequence[Accepted]]:
        """Store them. Raises as `Submitter.submit` does."""
        ...


class PartialBulk:
    """Stores of a bulk what can be stored: a job that Postgres or a limit refuses does not keep the others out."""

    def __init__(self, store: StoreTogether) -> None:
        self._store_together = store

    async def store(self, jobs: Sequence[NewJob]) -> Sequence[Accepted | SubmissionRefused]:
        """Store the jobs, together where that can be; what became of each.

        Raises:
            OutcomeUnknown, Unavailable: as in `Submitter.submit`, and nothing is known to be stored.
        """
        partial = any(job.unique is not None for job in jobs)
        try:
            return await self._store_together(jobs, partial=partial)
        except InvalidInput as error:
            return await self._store_halves(jobs, error)
        except LimitFull as error:
            refused = {one.job: _refused(str(one)) for one in error.refused}
            others = [job for job in jobs if job.id not in refused]
            answers = iter(await self.store(others) if others else ())
            return [refused.get(job.id) or next(answers) for job in jobs]

    async def _store_halves(
        self, jobs: Sequence[NewJob], error: InvalidInput
    ) -> Sequence[Accepted | SubmissionRefused]:
        """Halve the bulk until the refused job is alone. Some may be stored already, so nothing is raised from here on."""
        if len(jobs) == 1:
            return [SubmissionRefused(error.errors)]
        answers: list[Accepted | SubmissionRefused] = []
        middle = len(jobs) // 2
        for half in (jobs[:middle], jobs[middle:]):
            try:
                answers += await self.store(half)
            except OutcomeUnknown:
                answers += [_refused(f"may be stored or not: ask for the job {job.id}") for job in half]
            except CorralError as failed:
                answers += [_refused(str(failed)) for _ in half]
        return answers


def refuse_all(items: Sequence[object]) -> None:
    """Refuse a bulk with a faulty submission in it.

    Raises:
        InvalidInput: pointers are `/jobs/index/field`; at most 100 of them.
    """
    errors = [
        FieldError(f"/jobs/{index}{error.pointer}", error.message)
        for index, item in enumerate(items)
        if isinstance(item, SubmissionRefused)
        for error in item.errors
    ]
    if errors:
        raise InvalidInput(*errors[:100])


def _refused(message: str) -> SubmissionRefused:
    return SubmissionRefused((FieldError("", message),))
