"""What the API takes and gives, as models: they check what comes in, and they are the OpenAPI of both."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from corral.actions.submission import NewSubmission
from corral.actions.why import Cause
from corral.job.job import Job
from corral.job.limits import MAX_BULK, MAX_DELAY_SECONDS, MAX_RETRIES, MAX_TAGS, MAX_TIMEOUT_SECONDS
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import Attempt, LogLine

EXAMPLE: dict[str, JsonValue] = {
    "type": "report.generate",
    "payload": {"title": "Sales", "csv": "region,sum\nNorth,12.5\nSouth,9.75\n"},
    "priority": "high",
    "tags": ["monthly"],
}


def _text_only(value: object) -> object:
    """A time is text: a number could be seconds or milliseconds."""
    if value is not None and not isinstance(value, str):
        raise ValueError("is not a time as text, such as 2030-01-31T09:00:00Z")
    return value


class Submission(BaseModel):
    """A request to run a job. What is left out is settled by the job type and its queue."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [EXAMPLE]}
    )

    type: Annotated[str, Field(max_length=100, description="The job type's name.")]
    payload: Annotated[Any, Field(description="What the job type's schema asks for.")] = None
    queue: Annotated[str | None, Field(description="One that the job type allows.")] = None
    priority: Annotated[Priority | None, Field(strict=False)] = None
    delay: Annotated[
        float | None, Field(ge=0, le=MAX_DELAY_SECONDS, description="Seconds; or give run_at.")
    ] = None
    run_at: Annotated[
        AwareDatetime | None, Field(strict=False, description="Or give delay."), BeforeValidator(_text_only)
    ] = None
    retries: Annotated[int | None, Field(ge=0, le=MAX_RETRIES, description="Tries after the first.")] = None
    timeout: Annotated[
        float | None, Field(gt=0, le=MAX_TIMEOUT_SECONDS, description="Seconds for one attempt.")
    ] = None
    expires_in: Annotated[
        float | None,
        Field(gt=0, le=MAX_DELAY_SECONDS, description="Seconds after which it is cancelled if not started."),
    ] = None
    tags: Annotated[tuple[str, ...], Field(max_length=MAX_TAGS, strict=False)] = ()

    def submission(self, created_by: str, traceparent: str | None) -> NewSubmission:
        """The same as the engine takes it."""
        return NewSubmission(
            type=self.type,
            payload=self.payload,
            queue=self.queue,
            priority=self.priority,
            delay=self.delay,
            run_at=self.run_at,
            retries=self.retries,
            timeout=self.timeout,
            expires_in=self.expires_in,
            tags=self.tags,
            traceparent=traceparent,
            created_by=created_by,
            from_wire=True,
        )


class Bulk(BaseModel):
    """Many submissions in one call."""

    model_config = ConfigDict(extra="forbid", strict=True)

    jobs: Annotated[list[Submission], Field(min_length=1, max_length=MAX_BULK)]


class BulkItem(BaseModel):
    """What became of one submission of a bulk."""

    index: int
    id: UUID | None = None
    state: State | None = None
    errors: "list[ProblemError] | None" = None


class BulkAnswer(BaseModel):
    """What became of a bulk: one item per submission, in its order."""

    accepted: int
    refused: int
    jobs: list[BulkItem]


class ProblemError(BaseModel):
    """One wrong field: `pointer` leads into the body (RFC 6901), `parameter` names a query parameter."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str


class Problem(BaseModel):
    """What went wrong. Source: RFC 9457."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:corral:problem:invalid-input",
                    "title": "The input is wrong; nothing was stored",
                    "status": 422,
                    "detail": "/payload/title: is required",
                    "errors": [{"pointer": "/payload/title", "detail": "is required"}],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[ProblemError] | None = None


class JobPage(BaseModel):
    """One page of jobs, newest first. `next` is the cursor of the following page; null at the end."""

    items: list[Job]
    next: UUID | None = None


class Overrides(BaseModel):
    """What an operator sets for a queue in place of its job types' options; null takes an override away."""

    model_config = ConfigDict(extra="forbid", strict=True)

    priority: Annotated[Priority | None, Field(strict=False)] = None
    retries: Annotated[int | None, Field(ge=0, le=MAX_RETRIES)] = None
    timeout: Annotated[float | None, Field(gt=0, le=MAX_TIMEOUT_SECONDS)] = None
    delay: Annotated[float | None, Field(ge=0, le=MAX_DELAY_SECONDS)] = None
    expires_in: Annotated[float | None, Field(gt=0, le=MAX_DELAY_SECONDS)] = None
    max_stalls: Annotated[int | None, Field(ge=0, le=100)] = None


class QueuePatch(BaseModel):
    """A change to a queue."""

    model_config = ConfigDict(extra="forbid", strict=True)

    overrides: Overrides


class Clean(BaseModel):
    """Which ended jobs of a queue to remove."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"states": ["completed"], "older_than": 86400}]},
    )

    states: Annotated[
        list[Literal["completed", "failed", "cancelled"]], Field(min_length=1, description="In these states.")
    ] = ["completed", "failed", "cancelled"]
    older_than: Annotated[float, Field(ge=0, description="Seconds since they ended.")] = 0.0


class Cleaned(BaseModel):
    """What was removed."""

    removed: int
    more: bool


class QueueView(BaseModel):
    """A queue. `counts` are its jobs per state; those of ended states are what is kept."""

    name: str
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    overrides: dict[str, Any]
    created_at: datetime
    counts: dict[State, int]


class QueuePage(BaseModel):
    """All queues."""

    items: list[QueueView]
    next: None = None


class TypeView(BaseModel):
    """A registered job type."""

    name: str
    version: str
    description: str | None
    payload_schema: dict[str, Any] | None
    result_schema: dict[str, Any] | None
    options: dict[str, Any]


class TypePage(BaseModel):
    """All job types."""

    items: list[TypeView]
    next: None = None


class WorkerView(BaseModel):
    """A worker's incarnation. `status` is what its last heartbeat said."""

    id: UUID
    name: str
    state: Literal["active", "draining", "stopped", "lost"]
    host: str
    pid: int
    version: str
    queues: list[str]
    types: list[str]
    slots: dict[str, int]
    running: int
    status: dict[str, Any]
    started_at: datetime | None
    seen_at: datetime | None
    silent_for: float
    ended_at: datetime | None


class WorkerPage(BaseModel):
    """Workers."""

    items: list[WorkerView]
    next: None = None


class Drained(BaseModel):
    """The incarnations that were told to drain."""

    drained: list[UUID]


class AttemptPage(BaseModel):
    """Earlier attempts of a job."""

    items: list[Attempt]
    next: None = None


class LogPage(BaseModel):
    """Lines of a job's log."""

    items: list[LogLine]
    next: int | None = None


class WhyAnswer(BaseModel):
    """What keeps a job from running; nothing for one that runs or has ended."""

    id: UUID
    state: State
    causes: list[Cause]


class ArtifactView(BaseModel):
    """A file that a job stored."""

    name: str
    media_type: str
    size: int
    sha256: str
    attempt: int
    published_at: datetime | None


class ArtifactPage(BaseModel):
    """A job's files."""

    items: list[ArtifactView]
    next: None = None


class Percentiles(BaseModel):
    """Seconds that 50, 95 and 99 of 100 stay below, and the mean; null where nothing ended."""

    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None


class StatsGroup(BaseModel):
    """What ended within the window in one queue and type."""

    queue: str
    type: str
    ended: int
    outcomes: dict[str, int]
    throughput: Annotated[float, Field(description="Completed jobs per second.")]
    wait: Percentiles
    run: Percentiles


class Stats(BaseModel):
    """Jobs per state now, and what ended within the window."""

    counts: dict[State, int]
    window: float
    groups: list[StatsGroup]
