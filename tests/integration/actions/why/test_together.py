"""Why isn't this job running, where two causes hold at once: both are told."""

import redis
from tests.integration.actions.why.causes import FAST, codes
from tests.integration.actions.why.suspects import suspects
from tests.integration.worker.system import System

from corral.actions.jobs import JobActions
from corral.actions.queues import QueueActions
from corral.actions.why.why import Why
from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.job.state import State


async def test_a_paused_queue_and_no_worker(system: System, why: Why, queues: QueueActions):
    await queues.pause("demo", "ann")
    (job,) = await system.submit("demo.echo")
    await codes(why, job, "queue-paused", "no-worker")
    await queues.resume("demo", "ann")
    await codes(why, job, "no-worker")


async def test_a_paused_queue_and_a_time_to_come(
    system: System, why: Why, queues: QueueActions, jobs: JobActions
):
    await system.ready()
    await queues.pause("demo", "ann")
    (job,) = await system.submit("demo.echo", delay=300)
    await codes(why, job, "waiting-for-time", "queue-paused")
    await jobs.run_now([job], "ann")
    await codes(why, job, "queue-paused")
    await queues.resume("demo", "ann")
    await system.state(job, State.COMPLETED)


async def test_a_paused_queue_and_full_workers(system: System, why: Why, queues: QueueActions):
    await system.ready(slots_async=1, **FAST)
    (running,) = await system.submit("demo.sleep", {"seconds": 300})
    await system.state(running, State.RUNNING)
    await queues.pause("demo", "ann")
    (job,) = await system.submit("demo.echo")
    await codes(why, job, "queue-paused", "workers-full")


async def test_a_paused_queue_and_an_unknown_type(system: System, why: Why, queues: QueueActions):
    await system.ready()
    await system.store.types.register([record_of(job_type("acme.new", queue="demo"))])
    await queues.pause("demo", "ann")
    (job,) = await system.submit("acme.new", queue="demo")
    await codes(why, job, "queue-paused", "type-unknown")


async def test_a_time_to_come_and_an_unknown_type(system: System, why: Why):
    await system.ready()
    await system.store.types.register([record_of(job_type("acme.new", queue="demo"))])
    (job,) = await system.submit("acme.new", queue="demo", delay=300)
    await codes(why, job, "waiting-for-time", "type-unknown")


async def test_suspended_and_paused(system: System, why: Why, queues: QueueActions, redis_url: str):
    await system.ready(**FAST)
    await queues.pause("demo", "ann")
    with redis.Redis.from_url(redis_url) as client:
        client.set("rq:suspended", 1)
        (job,) = await system.submit("demo.echo")
        await codes(why, job, "queue-paused", "suspended")


async def test_a_suspect_in_a_paused_queue(system: System, why: Why, queues: QueueActions):
    first, _ = await suspects(system)
    await queues.pause("demo", "ann")
    await system.ready(**FAST)
    await codes(why, first, "queue-paused", "suspect-waits")
