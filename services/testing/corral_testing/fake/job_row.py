"""A job in the fake: what the store has a row for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.job.job import LISTED_BYTES, Job, ListedJob, NewJob
from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.json_codec import Document


@dataclass(slots=True, kw_only=True)
class JobRow:
    """A job, to be changed in place."""

    new: NewJob
    state: State
    created_at: datetime
    updated_at: datetime
    run_at: datetime | None
    queued_at: datetime | None
    expires_at: datetime | None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    worker: UUID | None = None
    claim: UUID | None = None
    attempt: int = 0
    errors: int = 0
    stalls: int = 0
    releases: int = 0
    snoozes: int = 0
    life: int = 1
    suspect: bool = False
    progress: int = 0
    progress_message: str | None = None
    result: str | None = None
    error: dict[str, Any] | None = None
    checkpoint: str | None = None
    timed_out_attempt: int | None = None
    timed_out_retry_in: float | None = None

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.new.id

    @property
    def lane(self) -> Lane:
        """Where it waits when it is queued."""
        return lane_of(self.new.queue, self.new.priority, suspect=self.suspect)

    @property
    def limit_group(self) -> UUID | None:
        """The group in which it waits for its limits."""
        return self.new.limits.group if self.new.limits else None

    @property
    def timed_out(self) -> bool:
        """Whether the timeout of the attempt that runs has struck."""
        return self.timed_out_attempt == self.attempt

    def runs_under(self, worker: UUID, attempt: int) -> bool:
        """The fence."""
        return self.state is State.RUNNING and self.worker == worker and self.attempt == attempt

    def job(self) -> Job:
        """The job as the store shows it."""
        return Job(**self._shown())

    def listed(self) -> ListedJob:
        """The job as it stands in a list."""
        shown = self._shown()
        texts = {"payload": self.new.payload, "result": self.result}
        sizes = {name: None if text is None else len(text.encode()) for name, text in texts.items()}
        omitted = [name for name, size in sizes.items() if size is not None and size > LISTED_BYTES]
        return ListedJob(
            **(shown | dict.fromkeys(omitted)),
            payload_bytes=sizes["payload"] or 0,
            result_bytes=sizes["result"],
            omitted=omitted,
        )

    def _shown(self) -> dict[str, Any]:
        new = self.new
        return {
            "id": new.id,
            "type": new.type,
            "queue": new.queue,
            "priority": new.priority,
            "state": self.state,
            "payload": Document(new.payload),
            "result": None if self.result is None else Document(self.result),
            "error": self.error,
            "attempt": self.attempt,
            "errors": self.errors,
            "stalls": self.stalls,
            "releases": self.releases,
            "snoozes": self.snoozes,
            "life": self.life,
            "retries": new.retries,
            "timeout": new.timeout,
            "max_stalls": new.max_stalls,
            "suspect": self.suspect,
            "created_at": self.created_at,
            "run_at": self.run_at,
            "queued_at": self.queued_at,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "updated_at": self.updated_at,
            "expires_at": self.expires_at,
            "cancel_requested_at": self.cancel_requested_at,
            "worker": self.worker,
            "progress": self.progress,
            "progress_message": self.progress_message,
            "tags": list(new.tags),
            "parent": new.parent,
            "created_by": new.created_by,
            "unique_key": new.unique.key if new.unique else None,
        }


def urgency(row: JobRow) -> tuple[str, bool, Priority, datetime, UUID]:
    """The order in which the store pages queued jobs."""
    assert row.queued_at is not None
    return (row.new.queue, row.suspect, row.new.priority, row.queued_at, row.id)
