"""What is compared of a job between two stores, and which steps it may take between two looks."""

from corral.job.job import Job
from corral.job.state import TRANSITIONS, State

STEPS = {(row.before, row.after) for row in TRANSITIONS}
COMPARED = (
    "state",
    "attempt",
    "errors",
    "stalls",
    "releases",
    "snoozes",
    "life",
    "suspect",
    "worker",
    "progress",
    "result",
    "error",
)
MOMENTS = ("run_at", "queued_at", "started_at", "finished_at", "expires_at", "cancel_requested_at")
"""Compared by whether they are there."""


def shown(job: Job) -> tuple[object, ...]:
    """What two stores say alike of a job."""
    there = tuple(getattr(job, name) is not None for name in MOMENTS)
    return (job.id, *(getattr(job, name) for name in COMPARED), *there)


def follows(state: State, attempt: int, job: Job) -> bool:
    """Whether one rule takes a job from there to where it is: by the table; the attempt rises, unless a first one is put back."""
    put_back = (state, job.state, attempt, job.attempt) == (State.RUNNING, State.QUEUED, 1, 0)
    rises = job.attempt >= attempt or put_back
    return rises and (state is job.state or (state, job.state) in STEPS)
