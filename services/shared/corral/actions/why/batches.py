"""What a job waits for that is handled together with others: its batch is not full, and not old enough."""

from corral.actions.submissions.known_type import KnownType
from corral.actions.why.cause import Cause
from corral.job.job import Job
from corral.job.state import State
from corral.store import Store


async def batch_causes(store: Store, job: Job, known: KnownType | None) -> list[Cause]:
    """That the job's batch gathers others; nothing where it may start, or where the job is handled alone.

    Raises:
        Unavailable: Postgres is away.
    """
    options = known.by_queue.get(job.queue) if known is not None else None
    if options is None or options.batch is None or job.state is not State.QUEUED or job.suspect:
        return []
    batch = options.batch
    gathered = await store.limit_claims.gathered(job.id, batch.size)
    if gathered.jobs >= batch.size or gathered.oldest >= batch.wait or gathered.jobs == 0:
        return []
    return [
        Cause(
            "batch-not-full",
            f"Its batch waits until {batch.size:,} jobs wait or {batch.wait:g} s have passed:"
            f" {gathered.jobs:,} wait, the oldest for {gathered.oldest:.1f} s.",
            "Wait, or set batch.wait of the job type",
        )
    ]
