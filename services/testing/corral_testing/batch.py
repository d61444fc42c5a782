"""The jobs of a batch without a worker: what a handler says of each is recorded in memory, for a test to look at.

jobs, said = batch(store, [Reading(...), Reading(...)])
store(jobs)
assert said.outcomes == {}  # it returned nothing: all are done
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from corral.catalog import JobType
from corral.context import BatchedJob, BatchJob, SyncBatchJob
from corral.job.job import Claimed
from corral.job.options import Executor
from corral_testing.context import Recording, claimed_of, context, sync_context


@dataclass(slots=True)
class BatchRecording:
    """What a handler said of the jobs of a batch."""

    outcomes: dict[UUID, Any] = field(default_factory=dict)
    """By id what it gave to `succeed` and `fail`; nothing of those that its end decides."""
    of: dict[UUID, Recording] = field(default_factory=dict)
    """What it said with the context of each job."""
    told: set[UUID] = field(default_factory=set)
    """Put the id of a job in to tell it to stop, as a cancel does."""

    def succeed(self, claimed: Claimed, result: Any) -> None:
        """Keep the result."""
        self.outcomes[claimed.id] = result

    def fail(self, claimed: Claimed, error: BaseException) -> None:
        """Keep the error."""
        self.outcomes[claimed.id] = error

    def cancelled(self, claimed: Claimed) -> bool:
        """Whether the test told the job to stop."""
        return claimed.id in self.told


def batch(
    job_type: JobType[Any, Any], payloads: Sequence[Any]
) -> tuple[list[BatchedJob[Any, Any]], BatchRecording]:
    """Jobs with these payloads, which are given to the handler as they are, and what is recorded of them."""
    recording = BatchRecording()
    is_async = job_type.attached is not None and job_type.attached.is_async
    made: Any = BatchJob if is_async or job_type.executor is Executor.ASYNC else SyncBatchJob

    def make_context(claimed: Claimed) -> Any:
        make: Any = context if made is BatchJob else sync_context
        of_job, recording.of[claimed.id] = make(job_type)
        return of_job

    claims = [claimed_of(job_type) for _ in payloads]
    jobs = [
        made(claimed, payload, make_context, recording)
        for claimed, payload in zip(claims, payloads, strict=True)
    ]
    return jobs, recording
