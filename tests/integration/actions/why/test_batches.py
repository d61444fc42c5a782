"""A batch that is not full says what it waits for, and counts as one piece of work."""

from uuid import UUID

from tests.integration.worker.system import System

from corral.actions.why.cause import Cause
from corral.actions.why.why import Why
from corral.catalog import Batch, job_type
from corral.catalog.record import record_of
from corral.job.limit_use import batch_key, uses_of
from corral.job.priority import Priority

TYPE = "why.batched"


async def told(why: Why, job: UUID) -> list[Cause]:
    """What is said of the batch; that no worker knows the type is said, too."""
    _, causes = await why.explain(job)
    return [cause for cause in causes if cause.code == "batch-not-full"]


async def test_what_a_batch_waits_for_is_told(system: System, why: Why):
    await system.store.types.register([record_of(job_type(TYPE, queue="demo", batch=Batch(size=3, wait=60)))])
    limits = uses_of("demo", Priority.NORMAL, (), batch_key(TYPE, "*"))
    first, _ = [(await system.submit(TYPE, limits=limits, queue="demo"))[0] for _ in range(2)]
    (cause,) = await told(why, first)
    assert "waits until 3 jobs wait or 60 s have passed: 2 wait, the oldest for " in cause.message
    for _ in range(2):
        await system.submit(TYPE, limits=limits, queue="demo")
    assert await told(why, first) == []
    demo = (await system.store.backlog()).queues["demo"]
    assert (demo.queued, demo.mix) == (2, {TYPE: 1.0}), "four jobs are two batches"
