"""Unique jobs for the tests of a store: made, stored, and told apart."""

from corral.job.job import Accepted, NewJob
from corral.job.unique import Deduplication, OnDuplicate, UniqueKey
from corral_testing.subject import Subject
from corral_testing.values import TYPE, new_job

EXISTING, REFUSE = OnDuplicate.EXISTING, OnDuplicate.REFUSE
REPLACE, KEEP_LATEST = OnDuplicate.REPLACE, OnDuplicate.KEEP_LATEST


def unique(
    key: str | None = "a",
    rule: OnDuplicate = EXISTING,
    *,
    payload: str = "{}",
    delay: float = 0.0,
    within: float | None = None,
    max_wait: float | None = None,
    retries: int = 1,
) -> NewJob:
    """A job that is not stored yet; without a key it is not unique."""
    held = None if key is None else UniqueKey(TYPE, key, rule, within, delay, max_wait, "the rule")
    return new_job(payload=payload, delay=delay, retries=retries, max_stalls=2, unique=held)


async def put(subject: Subject, *jobs: NewJob, partial: bool = False) -> list[Accepted]:
    """Store jobs as one submission."""
    (answer,) = await subject.store.unique_jobs.insert([jobs], partial=partial)
    assert isinstance(answer, list)
    return answer


def what(answer: Accepted) -> Deduplication | None:
    """Why it is no new job."""
    return None if answer.duplicate is None else answer.duplicate.what
