"""A job as values: one to be inserted, one claimed, one as stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.job.limit_use import LimitUses
from corral.job.priority import Priority
from corral.job.state import State
from corral.job.unique import Deduplicated, UniqueKey


@dataclass(slots=True, kw_only=True)
class NewJob:
    """A checked submission: everything resolved, ready to be inserted.

    Nobody changes one. It is not frozen because a frozen dataclass takes three times as long to make, and a bulk makes
    ten thousand; so it is with `Accepted`, `Claimed`, `Finished` and `NewSubmission`.
    """

    id: UUID
    type: str
    queue: str
    priority: Priority
    payload: str
    """JSON text."""
    delay: float = 0.0
    """Seconds from the database's now until it is due; 0 is at once."""
    run_at: datetime | None = None
    """An absolute time instead of `delay`; in the past it is at once."""
    expires_in: float | None = None
    retries: int
    timeout: float | None
    max_stalls: int
    tags: tuple[str, ...] = ()
    search: dict[str, Any] | None = None
    parent: UUID | None = None
    traceparent: str | None = None
    created_by: str | None = None
    limits: LimitUses | None = None
    """What it takes of limits while it runs."""
    unique: UniqueKey | None = None
    """The key that it holds, and what becomes of a duplicate."""


@dataclass(frozen=True, slots=True)
class Displaced:
    """A job that made room for a new one at a full limit: it was ended, or asked to stop."""

    id: UUID
    limit: str
    by: UUID | None
    """The job in whose favour it ended; None: it runs, and was asked to stop."""
    worker: str = ""
    """The name of the worker that runs it."""


@dataclass(slots=True, kw_only=True)
class Accepted:
    """A job that was just stored: its id, where it waits and when it is due. Nobody changes one (see `NewJob`)."""

    id: UUID
    queue: str
    priority: Priority
    state: State
    run_at: datetime | None
    created_at: datetime
    due_in: float
    """Seconds until it is due by the database's clock; 0 for a queued one."""
    limit_group: UUID | None = None
    """The group in which it waits for its limits; None where it has none."""
    displaced: tuple[Displaced, ...] = ()
    """What made room for it, and for those that were stored with it."""
    duplicate: Deduplicated | None = None
    """Why this is no new job; None: it is one."""


@dataclass(slots=True, kw_only=True)
class Claimed:
    """A job that this worker holds under `attempt`. Nobody changes one (see `NewJob`)."""

    id: UUID
    type: str
    queue: str
    attempt: int
    payload: str
    """JSON text."""
    errors: int
    retries: int
    timeout: float | None
    suspect: bool
    checkpoint: str | None
    """JSON text that an earlier attempt left."""
    traceparent: str | None
    parent: UUID | None
    waited: float = field(default=0.0, compare=False)
    """Seconds from due to claimed, by the database's clock; measured, so no part of what is claimed."""
    limit_group: UUID | None = None
    """The group in which it waited, for its limits or for its batch; None where it waited alone."""
    limits: tuple[str, ...] = ()
    """What it takes of, as `LimitUse.name` spells it. Its end gives that back."""
    unique: bool = False
    """Whether it has a unique key, which its end gives back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as stored: what the API shows. Times are UTC."""

    id: UUID
    type: str
    queue: str
    priority: Priority
    state: State
    payload: Any
    """JSON: the store gives it as a `Document`."""
    result: Any
    """As the payload; None where there is none."""
    error: dict[str, Any] | None
    attempt: int
    errors: int
    stalls: int
    releases: int
    snoozes: int
    life: int
    retries: int
    timeout: float | None
    max_stalls: int
    suspect: bool
    created_at: datetime
    run_at: datetime | None
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    expires_at: datetime | None
    cancel_requested_at: datetime | None
    worker: UUID | None
    progress: int
    progress_message: str | None
    tags: list[str] = field(default_factory=list)
    parent: UUID | None = None
    created_by: str | None = None
    unique_key: str | None = None
    """The key of which there is one such job; None where it has none."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Fields whose stored value has no form here, with that value as Postgres writes it; the field shows the nearest."""


LISTED_BYTES = 1_024
"""How large a payload or result may be, as JSON, to stand in a list: a page of 200 jobs stays under half a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob(Job):
    """A job in a list: without its payload or result where that is over 1,024 bytes. `GET /jobs/{id}` has them."""

    payload_bytes: int
    """As JSON text."""
    result_bytes: int | None
    """None where there is no result."""
    omitted: list[str] = field(default_factory=list)
    """`payload`, `result` or both: they are null here, and something else in the job."""
