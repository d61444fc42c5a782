"""What a submission in a caller's transaction answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from corral.job.job import Accepted
from corral.job.state import State
from corral.job.unique import Deduplicated
from corral.store import EarlierJob


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """A job that exists once the transaction is committed; or one that exists already, and why it is told."""

    id: UUID
    state: State
    """What it is once the transaction is committed, or was when it was read."""
    queue: str | None = None
    """None where only the id and the state are known."""
    run_at: datetime | None = None
    """When it is due, where that is later."""
    duplicate: Deduplicated | None = None
    """The job holds the unique key of what was submitted; what became of the submission."""
    repeated: bool = False
    """An earlier request with the same idempotency key made it."""
    expired: bool = False
    """It was removed after it had ended: `id` and `state` are all that is known."""

    @classmethod
    def of(cls, accepted: Sequence[Accepted]) -> list[Self]:
        """Jobs that were stored, or that hold the key of one that was not."""
        return [
            cls(
                one.id,
                one.state,
                one.queue,
                one.run_at,
                one.duplicate,
                expired=one.duplicate is not None and one.duplicate.removed,
            )
            for one in accepted
        ]

    @classmethod
    def of_earlier(cls, jobs: Sequence[EarlierJob]) -> list[Self]:
        """Jobs that an earlier request with the same key made."""
        return [cls(one.id, one.state, repeated=True, expired=one.removed) for one in jobs]
