"""A submission: one request to run a job, before it is checked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.job.priority import Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSubmission:
    """What a caller asks for. None leaves an option to the job type and its queue."""

    type: str
    payload: Any = None
    queue: str | None = None
    priority: Priority | None = None
    delay: float | None = None
    """Seconds."""
    run_at: datetime | None = None
    """Instead of `delay`; must know its time zone."""
    retries: int | None = None
    timeout: float | None = None
    expires_in: float | None = None
    tags: tuple[str, ...] = ()
    """Added to the tags of the job type."""
    parent: UUID | None = None
    traceparent: str | None = None
    created_by: str | None = None
    from_wire: bool = False
    """Whether `payload` came out of a strict JSON parser (see `json_value.encode`)."""
