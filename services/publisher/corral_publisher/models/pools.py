"""Models of the API's responses about pools and load tests, for OpenAPI."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class PoolAnswer(BaseModel):
    """A pool of equal workers, as its autoscaler last reported it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "io",
                    "scaled_by": "operator",
                    "minimum": 0,
                    "maximum": 20,
                    "slots": 50,
                    "queues": ["email", "feeds"],
                    "replicas": 8,
                    "ready": 8,
                    "desired": 14,
                    "needed": 14,
                    "reason": "8 → 14: 1,820 s of work queued, objective 120 s",
                    "conditions": [],
                    "backlog_jobs": 910,
                    "backlog_seconds": 1820.0,
                    "oldest_seconds": 3.2,
                    "throughput": 12.5,
                    "draining": [],
                    "paused": False,
                    "wait_objective": 10.0,
                    "drain_objective": 120.0,
                    "at": "2030-01-31T09:00:00Z",
                    "last_scale_at": "2030-01-31T08:59:59Z",
                    "stale": False,
                }
            ]
        }
    )

    name: str
    scaled_by: Annotated[str, Field(description="`operator` or `corral up`.")]
    minimum: int
    maximum: int
    slots: Annotated[int, Field(description="Jobs that one worker runs at once.")]
    queues: Annotated[list[str], Field(description="Queues that it serves; `*` alone is all.")]
    replicas: Annotated[int, Field(description="Workers asked for.")]
    ready: Annotated[int, Field(description="Workers that claim.")]
    desired: Annotated[int, Field(description="Workers that there should be: the target.")]
    needed: Annotated[int, Field(description="The same before bounds and windows.")]
    reason: str
    conditions: list[str]
    backlog_jobs: int
    backlog_seconds: Annotated[float, Field(description="Seconds of work queued, on one slot.")]
    oldest_seconds: Annotated[float, Field(description="Seconds that the oldest due job has waited.")]
    throughput: Annotated[float, Field(description="Jobs that ended per second, lately.")]
    draining: Annotated[list[str], Field(description="Workers that were asked to leave.")]
    paused: bool
    wait_objective: float
    drain_objective: float
    at: datetime
    last_scale_at: datetime | None
    stale: Annotated[
        bool, Field(description="Reports have stopped: this is the last one, made `at` that time.")
    ]


class PoolPage(BaseModel):
    """All pools."""

    items: list[PoolAnswer]
    next: None = None


class DecisionView(BaseModel):
    """A change of a pool's size or of its conditions, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01981b2e-5f00-7a3c-9d2e-3f6b8a1c4d5e",
                    "pool": "io",
                    "at": "2030-01-31T09:00:00Z",
                    "before": 8,
                    "after": 14,
                    "needed": 14,
                    "ready": 8,
                    "reason": "8 → 14: 1,820 s of work queued, objective 120 s",
                    "conditions": [],
                    "backlog_jobs": 910,
                    "backlog_seconds": 1820.0,
                    "oldest_seconds": 3.2,
                }
            ]
        }
    )

    id: UUID
    pool: str
    at: datetime
    before: int
    after: int
    needed: int
    ready: int
    reason: str
    conditions: list[str]
    backlog_jobs: int
    backlog_seconds: float
    oldest_seconds: float


class DecisionPage(BaseModel):
    """Decisions, newest first. `next` is the cursor of the following page; null at the end."""

    items: list[DecisionView]
    next: UUID | None = None


class LoadAnswer(BaseModel):
    """A load test whose jobs are stored; `tag` finds them."""

    id: UUID
    tag: str
    count: int
    over: float
