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
from corral.context.webhooks import WebhookRecords
from corral.job.job import Claimed
from corral.job.options import Executor
from corral.outgoing.client import OutgoingClient
from corral_testing.context import Recording, claimed_of, context, sync_context


@dataclass(slots=True)
class BatchRecording:
    """What a handler said of the jobs of a batch."""

    outcomes: dict[UUID, Any] = field(default_factory=dict)
    """By id what it gave to `succeed` and `fail`; nothing of those that its end decides."""
    of: dict[UUID, Recording] = field(default_factory=dict)
    """What it said with the context of each job."""
    told: set[UUID] = field(default_factory=set)
    """Put the id of a job in, before the handler runs, to tell it to stop, as a cancel does."""

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
    job_type: JobType[Any, Any],
    payloads: Sequence[Any],
    *,
    errors: int = 0,
    checkpointed: Any = None,
    webhooks: WebhookRecords | None = None,
    outgoing: OutgoingClient | None = None,
) -> tuple[list[BatchedJob[Any, Any]], BatchRecording]:
    """Jobs with these payloads, which are given to the handler as they are, and what is recorded of them.

    Args:
        job_type: whose handler is tested.
        payloads: of the jobs, one for each.
        errors: how often each job has failed before.
        checkpointed: the JSON value that an earlier attempt of each left.
        webhooks: webhooks and deliveries, for a handler that sends to them.
        outgoing: the client for addresses that users give; the test closes it.
    """
    recording = BatchRecording()
    is_async = job_type.attached is not None and job_type.attached.is_async
    awaited = is_async or job_type.executor is Executor.ASYNC
    made: Any = BatchJob if awaited else SyncBatchJob

    def make_context(claimed: Claimed) -> Any:
        of_job: Any
        if awaited:
            of_job, said = context(job_type, webhooks=webhooks, outgoing=outgoing, claimed=claimed)
        else:
            of_job, said = sync_context(job_type, claimed=claimed)
        said.cancelled = claimed.id in recording.told
        recording.of[claimed.id] = said
        return of_job

    claims = [claimed_of(job_type, errors, checkpointed) for _ in payloads]
    jobs = [
        made(claimed, payload, make_context, recording)
        for claimed, payload in zip(claims, payloads, strict=True)
    ]
    return jobs, recording
