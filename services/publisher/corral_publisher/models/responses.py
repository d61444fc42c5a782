"""Models of the API's responses, for OpenAPI. The responses themselves are written from the engine's values."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from corral.actions.why.cause import Cause
from corral.catalog.precedence import Source
from corral.job.effect import Effect
from corral.job.job import ListedJob
from corral.job.state import State
from corral.job.unique import Deduplication
from corral.store import AttemptRecord, StoredFollowUp, StoredLogLine


class BulkItem(BaseModel):
    """The result of one submission of a bulk. Of a duplicate, `id` is the job that holds its unique key."""

    index: int
    id: UUID | None = None
    state: State | None = None
    deduplicated: Deduplication | None = None
    rule: str | None = None
    unique_key: str | None = None
    errors: "list[ProblemError] | None" = None


class BulkAnswer(BaseModel):
    """The results of a bulk: one item per submission, in the same order."""

    accepted: int
    refused: int
    deduplicated: Annotated[
        dict[Deduplication, int] | None,
        Field(
            description="How many are duplicates, where there are any; refused ones count as refused, too."
        ),
    ] = None
    jobs: list[BulkItem]


class ProblemError(BaseModel):
    """One wrong field: `pointer` leads into the body (RFC 6901), `parameter` names a query parameter."""

    pointer: str | None = None
    parameter: str | None = None
    detail: str


class Problem(BaseModel):
    """A problem: what went wrong. Source: RFC 9457."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:corral:problem:invalid-input",
                    "title": "The input is not valid; nothing was stored",
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
    """One page of jobs, newest first. `next` is the cursor of the following page; null at the end.

    `hint` says how to narrow the list where looking on would have taken long: then the page is short or empty, and
    the list goes on at `next`. Null where nothing is missing.
    """

    items: list[ListedJob]
    next: UUID | None = None
    hint: str | None = None


class Cleaned(BaseModel):
    """The number of jobs that were removed."""

    removed: int
    more: bool


class QueueView(BaseModel):
    """A queue. `counts` are its jobs per state; ended jobs count while they are kept.

    `overrides` and `defaults` are what operators set, `declared` is what code says for it.
    """

    name: str
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    overrides: dict[str, Any]
    defaults: dict[str, Any]
    declared: dict[str, Any]
    created_at: datetime
    counts: dict[State, int]


class QueuePage(BaseModel):
    """All queues."""

    items: list[QueueView]
    next: None = None


class TypeView(BaseModel):
    """A registered job type. `options` are those of a submission that names none, in the type's own queue.

    `sources` says of each who set it: an operator's `override` for the type or its queue, the `type`'s declaration, the
    `queue`'s or the `installation`'s default, or Corral's own `default`. `overrides` are those set for the type. They go before one another in that order.
    `judged_by_worker` names the places of a payload that the publisher can't judge, and why.
    """

    name: str
    version: str
    description: str | None
    payload_schema: dict[str, Any] | None
    result_schema: dict[str, Any] | None
    options: dict[str, Any]
    overrides: dict[str, Any]
    sources: dict[str, Source]
    judged_by_worker: list[str]


class TypePage(BaseModel):
    """All job types."""

    items: list[TypeView]
    next: None = None


class WorkerView(BaseModel):
    """A worker's incarnation. `status` is what its last heartbeat said.

    `drained_by` names who has it drain: a person, or `pool:` and the name of its pool. A `sealed` worker is empty
    and claims nothing, whatever else is said: it is about to be removed.
    """

    id: UUID
    name: str
    pool: str | None
    state: Literal["active", "draining", "stopped", "lost"]
    drained_by: str | None
    sealed: bool
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
    """The incarnations that drain now."""

    drained: list[UUID]


class Undrained(BaseModel):
    """The incarnations that claim again; none where no person had drained the worker."""

    undrained: list[UUID]


class EffectPage(BaseModel):
    """What a job does only once. An effect without `ended_at` is perhaps done, unless the job runs."""

    items: list[Effect]
    next: None = None


class FollowUpPage(BaseModel):
    """The jobs that were stored with an outcome of a job. `on` is the outcome that each waited for."""

    items: list[StoredFollowUp]
    next: None = None


class AttemptPage(BaseModel):
    """Earlier attempts of a job."""

    items: list[AttemptRecord]
    next: None = None


class LogPage(BaseModel):
    """Lines of a job's log."""

    items: list[StoredLogLine]
    next: int | None = None


class WhyAnswer(BaseModel):
    """The causes that keep a job from running; none for a job that runs or has ended."""

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


class UploadView(BaseModel):
    """A file that was sent for jobs to use."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str
    created_by: str
    created_at: datetime
    expires_at: datetime


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
    """The jobs of one queue and type that ended within the window."""

    queue: str
    type: str
    ended: int
    outcomes: dict[str, int]
    throughput: Annotated[float, Field(description="Completed jobs per second.")]
    wait: Percentiles
    run: Percentiles


class Stats(BaseModel):
    """Jobs per state now, and the jobs that ended within the window."""

    counts: dict[State, int]
    window: float
    groups: list[StatsGroup]
