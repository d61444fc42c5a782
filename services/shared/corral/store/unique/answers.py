"""What is answered about jobs that are unique: new ones, and the ones that hold their keys."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from corral.job.duplicates import JobAnswer, JobSeen, KeySeen
from corral.job.job import Accepted, NewJob
from corral.job.unique import Deduplicated, Deduplication, OnDuplicate
from corral.refusals import Duplicate, DuplicateOf
from corral.store.jobs.accepted import accepted_from
from corral.store.jobs.insert import EXISTING
from corral.store.postgres.database import Transaction
from corral.store.postgres.sql_params import array


@dataclass(frozen=True, slots=True)
class SeenKeys:
    """The keys of some jobs, locked and read."""

    keys: Mapping[str, KeySeen]
    newest: Mapping[str, UUID]
    """The submission that changed each last."""
    holders: Mapping[UUID, Accepted]
    """The jobs that hold them, as they are answered."""
    made: Mapping[str, UUID]
    """Keys that nobody had: their rows were made just now, for these jobs."""


def answer_of(
    job: NewJob, answer: JobAnswer, told: Mapping[UUID, Accepted], seen: Mapping[str, KeySeen]
) -> Accepted:
    """The job that is told for one that was submitted; `told` are the jobs that are stored."""
    unique, duplicate = job.unique, answer.duplicate
    if unique is None or duplicate is None:
        return told[answer.job]
    known = told.get(answer.job)
    why = Deduplicated(duplicate, unique.type, unique.key, unique.rule, removed=known is None)
    if known is not None:
        return replace(known, duplicate=why)
    return _removed(job, seen[unique.name].holder, why)


def _removed(job: NewJob, holder: JobSeen, why: Deduplicated) -> Accepted:
    """What is known of the holder of a key that retention has removed."""
    return Accepted(
        id=holder.id,
        queue=job.queue,
        priority=job.priority,
        state=holder.state,
        run_at=None,
        created_at=datetime.now(UTC),
        due_in=0.0,
        duplicate=why,
    )


def refusal(jobs: Sequence[NewJob], refused: Mapping[int, UUID]) -> Duplicate:
    """Why a submission is refused as a whole."""
    found = [
        DuplicateOf(at, holder, unique.key, unique.rule)
        for at, holder in refused.items()
        if (unique := jobs[at].unique) is not None
    ]
    return Duplicate(len(jobs), tuple(found))


async def stored_before(
    transaction: Transaction, submissions: Sequence[Sequence[NewJob]], seen: SeenKeys
) -> list[list[Accepted] | Duplicate]:
    """The answers of a group whose commit was lost: what is stored of it is its own."""
    ids = [job.id for submission in submissions for job in submission]
    told = dict(seen.holders)
    waiting = [one.waiting.id for one in seen.keys.values() if one.waiting is not None]
    for row in await transaction.rows(EXISTING, {"ids": array([*ids, *waiting])}):
        told[row[0]] = accepted_from(row)
    mine = told.keys() & set(ids)
    answers: list[list[Accepted] | Duplicate] = []
    for jobs in submissions:
        of_jobs = [_before(job, mine, seen.keys) for job in jobs]
        refused = {at: one.job for at, one in enumerate(of_jobs) if one.duplicate is Deduplication.REFUSED}
        if refused and not any(job.id in mine for job in jobs):
            answers.append(refusal(jobs, refused))
            continue
        answers.append([answer_of(job, one, told, seen.keys) for job, one in zip(jobs, of_jobs, strict=True)])
    return answers


_WHAT = {
    OnDuplicate.EXISTING: Deduplication.EXISTING,
    OnDuplicate.REFUSE: Deduplication.REFUSED,
    OnDuplicate.REPLACE: Deduplication.REPLACED,
    OnDuplicate.KEEP_LATEST: Deduplication.REPLACED,
}


def _before(job: NewJob, mine: AbstractSet[UUID], seen: Mapping[str, KeySeen]) -> JobAnswer:
    if job.id in mine or job.unique is None or job.unique.name not in seen:
        return JobAnswer(job.id)
    one, what = seen[job.unique.name], _WHAT[job.unique.on_duplicate]
    target = one.waiting or one.holder if what is Deduplication.REPLACED else one.holder
    return JobAnswer(target.id, what)
