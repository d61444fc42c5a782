"""Why isn't this job running? Each cause made for real, and lifted by its action."""

from uuid import UUID

import pytest
import redis
from tests.fixtures.waiting import eventually_async
from tests.integration.actions.why.causes import FAST, codes
from tests.integration.actions.why.suspects import suspects
from tests.integration.worker.system import System

from corral.actions.jobs import JobActions
from corral.actions.queues import QueueActions
from corral.actions.why.why import Why
from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.dispatch import Entry
from corral.errors import NotFound
from corral.job.lane import lane_of
from corral.job.priority import Priority
from corral.job.state import State


async def test_no_worker_listens(system: System, why: Why):
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "no-worker")
    assert cause.command == "corral worker --queues demo"
    await system.ready(queues="demo")
    await system.state(job, State.COMPLETED)
    await codes(why, job)


async def test_a_worker_of_another_queue_does_not_count(system: System, why: Why):
    await system.ready(queues="demo")
    (job,) = await system.submit("demo.cpu", {"seconds": 0.1}, queue="cpu")
    await codes(why, job, "no-worker")


async def test_the_queue_is_paused(system: System, why: Why, queues: QueueActions):
    await system.ready()
    await queues.pause("demo", "ann")
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "queue-paused")
    assert "by ann" in cause.message
    assert (cause.method, cause.path) == ("POST", "/api/v1/queues/demo/resume")
    await queues.resume("demo", "ann")
    await system.state(job, State.COMPLETED)


async def test_no_worker_knows_the_type(system: System, why: Why):
    await system.ready()
    await system.store.types.register([record_of(job_type("acme.new", queue="demo"))])
    (job,) = await system.submit("acme.new", queue="demo")
    (cause,) = await codes(why, job, "type-unknown")
    assert "acme.new" in cause.message
    assert "CORRAL_HANDLERS" in (cause.action or "")


async def test_the_last_worker_was_lost(system: System, why: Why):
    worker = await system.ready(worker_name="lost-one", **FAST)
    await system.maintained()
    worker.kill()
    (job,) = await system.submit("demo.echo")

    async def lost() -> bool:
        return (await system.store.workers.list(ended=1))[0].state == "lost"

    await eventually_async(lost, timeout=60)
    (cause,) = await codes(why, job, "no-worker")
    assert "lost-one, was lost" in cause.message


async def test_it_waits_for_its_time(system: System, why: Why, jobs: JobActions):
    await system.ready()
    (job,) = await system.submit("demo.echo", delay=300)
    (cause,) = await codes(why, job, "waiting-for-time")
    assert "it was asked to wait" in cause.message
    await jobs.run_now([job], "ann")
    await system.state(job, State.COMPLETED)


async def test_it_waits_out_its_backoff(system: System, why: Why):
    await system.ready()
    (job,) = await system.submit("demo.fail", {"times": 9}, retries=20)

    async def failing() -> bool:
        now = await system.job(job)
        return now.state is State.SCHEDULED and now.errors >= 1

    await eventually_async(failing)
    _, causes = await why.explain(job)
    if (await system.job(job)).state is State.SCHEDULED:  # the next try may be under way
        assert "waits out its backoff" in causes[0].message


async def test_all_slots_are_in_use(system: System, why: Why):
    await system.ready(slots_async=1, worker_name="small", **FAST)
    (running,) = await system.submit("demo.sleep", {"seconds": 300})
    await system.state(running, State.RUNNING)
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "workers-full")
    assert "small" in cause.message
    _, causes = await why.explain(running)
    assert causes == []
    await system.ready()
    await system.state(job, State.COMPLETED)


async def test_a_worker_with_room_is_not_full(system: System, why: Why):
    await system.ready(slots_async=2, **FAST)
    (running,) = await system.submit("demo.sleep", {"seconds": 300})
    await system.state(running, State.RUNNING)
    (job,) = await system.submit("demo.cpu", {"seconds": 0.01}, queue="cpu")
    await system.state(job, State.COMPLETED)
    _, causes = await why.explain(job)
    assert causes == []


async def test_a_suspect_waits_for_an_empty_worker(system: System, why: Why, jobs: JobActions):
    first, second = await suspects(system)
    await system.ready(**FAST)

    async def one_runs() -> bool:
        states = {(await system.job(job)).state for job in (first, second)}
        return states == {State.RUNNING, State.QUEUED}

    for job in (first, second):
        await system.dispatch.lanes.enqueue([_suspect_entry(job)])
    await eventually_async(one_runs, timeout=60)
    waiting = first if (await system.job(first)).state is State.QUEUED else second
    running = second if waiting is first else first
    (cause,) = await codes(why, waiting, "suspect-waits")
    assert "runs alone" in cause.message
    await jobs.cancel([running], "ann")
    await system.state(waiting, State.RUNNING)


def _suspect_entry(job: UUID) -> Entry:
    return Entry(lane_of("demo", Priority.NORMAL, suspect=True), job)


async def test_every_worker_drains(system: System, why: Why):
    await system.ready(worker_name="leaving", **FAST)
    (running,) = await system.submit("demo.sleep", {"seconds": 300})
    await system.state(running, State.RUNNING)
    await system.store.workers.drain("leaving", "ann")
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "workers-draining")
    assert "leaving" in cause.message


async def test_rq_suspends_all_workers(system: System, why: Why, redis_url: str):
    await system.ready(**FAST)
    with redis.Redis.from_url(redis_url) as client:
        client.set("rq:suspended", 1)
        (job,) = await system.submit("demo.echo")
        (cause,) = await codes(why, job, "suspended")
        assert cause.command == "rq resume"
        client.delete("rq:suspended")
    await system.state(job, State.COMPLETED)


async def test_there_is_no_such_job(why: Why):
    with pytest.raises(NotFound):
        await why.explain(UUID(int=0))
