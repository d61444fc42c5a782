"""The facts that decide whether a job can run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from corral.actions.servers import Found
from corral.job.job import Job
from corral.job.options import Executor
from corral.scaling.pool_status import PoolStatus
from corral.store import StoredQueue, WorkerRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the explanation of why a job does not run depends on."""

    job: Job
    queue: StoredQueue | None
    executor: Executor | None
    """Where its type runs; None where the type is not registered any more."""
    alive: Sequence[WorkerRecord] = ()
    ended: Sequence[WorkerRecord] = ()
    """Newest first."""
    suspended: bool = False
    """Whether `rq suspend` is in force."""
    servers: Found = field(default_factory=Found)
    """What keeps Postgres or Redis from doing their part."""
    pools: Sequence[PoolStatus] = ()
    """As whoever scales them last said."""
    perhaps_done: Sequence[str] = ()
    """Effects that were begun and never ended, where that keeps the next attempt from succeeding."""
    held_by: UUID | None = None
    """The job that holds its unique key, and whose end it waits for."""
    now: datetime
