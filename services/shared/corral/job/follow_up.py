"""Jobs that a handler announces: each is stored with the outcome of the attempt, where that is the one it waits for."""

from dataclasses import dataclass
from enum import StrEnum

from corral.job.job import NewJob


class FollowsOn(StrEnum):
    """Which outcome of the attempt stores a follow-up."""

    SUCCESS = "success"
    FAILURE = "failure"
    """The job has failed for good."""
    CANCELLED = "cancelled"
    END = "end"
    """The job has ended: completed, failed or cancelled."""
    RETRY = "retry"
    """The attempt has failed, and the job will be tried again."""


MAX_FOLLOW_UPS = 1_000
"""Of one attempt."""
MAX_FOLLOW_UP_BYTES = 16 * 2**20
"""Bytes of payloads of all follow-ups of one attempt: they are kept in memory until its outcome is written."""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A checked job that waits for an outcome. It has its id already."""

    on: FollowsOn
    job: NewJob
