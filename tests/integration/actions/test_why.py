"""Why isn't this job running? Each cause made for real, alone and in pairs, and lifted by its action."""

import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
import redis
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System, running_system

from corral.actions.cause import Cause
from corral.actions.jobs import JobActions
from corral.actions.known_types import KnownTypes
from corral.actions.queues import QueueActions
from corral.actions.why import Why
from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.dispatch import Entry
from corral.errors import NotFound
from corral.job.lane import lane_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.scaling.pool_status import PoolStatus

RESTING = PoolStatus(
    name="io",
    scaled_by="operator",
    minimum=0,
    maximum=20,
    slots=50,
    queues=("demo", "mail"),
    replicas=0,
    ready=0,
    desired=0,
    needed=0,
    reason="0 kept: nothing queued, running or due",
    conditions=(),
    backlog_jobs=0,
    backlog_seconds=0.0,
    oldest_seconds=0.0,
    throughput=0.0,
    draining=(),
    paused=False,
    wait_objective=10.0,
    drain_objective=120.0,
    at=1_790_000_000.0,
)
FAST = {"heartbeat": 0.2, "lease": 1.0}


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        yield running


@pytest.fixture
def why(system: System) -> Why:
    return Why(system.store, system.dispatch, KnownTypes(system.store))


@pytest.fixture
def queues(system: System) -> QueueActions:
    return QueueActions(system.store, system.dispatch)


@pytest.fixture
def jobs(system: System) -> JobActions:
    return JobActions(system.store, system.dispatch)


async def codes(why: Why, job: UUID, *expected: str) -> list[Cause]:
    """Wait until exactly these causes hold; each is said in words and lifted by something."""
    found: list[Cause] = []

    async def there() -> bool:
        nonlocal found
        _, found = await why.explain(job)
        assert [cause.code for cause in found] == list(expected)
        return True

    await eventually_async(there, timeout=20)
    assert all(cause.message.endswith(".") and cause.action for cause in found)
    return found


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


async def test_the_pool_is_at_rest(system: System, why: Why):
    worker = await system.ready(worker_name="last-one")
    worker.send(signal.SIGTERM)
    await worker.ended()
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "pool-at-rest")
    assert "last-one" in cause.message
    await system.ready()
    await system.state(job, State.COMPLETED)


async def test_the_last_worker_was_lost(system: System, why: Why):
    worker = await system.ready(worker_name="lost-one", **FAST)
    await system.maintained()
    worker.kill()
    (job,) = await system.submit("demo.echo")

    async def lost() -> bool:
        return (await system.store.workers.list(ended=1))[0].state == "lost"

    await eventually_async(lost, timeout=20)
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
    assert await why.explain(running) == (await system.job(running), [])
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


async def suspects(system: System) -> list[UUID]:
    """Two jobs whose worker was killed while it ran both."""
    worker = await system.ready(**FAST)
    found = await system.submit("demo.sleep", {"seconds": 300}, count=2)
    for job in found:
        await system.state(job, State.RUNNING)
    worker.kill()
    keeper = await system.maintained()

    async def both() -> bool:
        return all([(await system.job(job)).suspect for job in found])

    await eventually_async(both, timeout=30)
    keeper.send(signal.SIGTERM)
    await keeper.ended()
    return found


async def test_a_suspect_waits_for_an_empty_worker(system: System, why: Why, jobs: JobActions):
    first, second = await suspects(system)
    await system.ready(**FAST)

    async def one_runs() -> bool:
        states = {(await system.job(job)).state for job in (first, second)}
        return states == {State.RUNNING, State.QUEUED}

    for job in (first, second):
        await system.dispatch.enqueue([_suspect_entry(job)])
    await eventually_async(one_runs, timeout=20)
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


async def test_a_time_to_come_and_a_pool_at_rest(system: System, why: Why):
    worker = await system.ready()
    worker.send(signal.SIGTERM)
    await worker.ended()
    (job,) = await system.submit("demo.echo", delay=300)
    await codes(why, job, "waiting-for-time", "pool-at-rest")


async def test_a_pool_at_rest_says_so_itself(system: System, why: Why):
    await system.dispatch.tell_pool(RESTING)
    (job,) = await system.submit("demo.echo", delay=300)
    _, cause = await codes(why, job, "waiting-for-time", "pool-at-rest")
    assert cause.message == (
        "The pool io, which serves demo, is at rest: 0 kept: nothing queued, running or due."
    )
    await system.dispatch.tell_pool(replace(RESTING, maximum=0))
    _, cause = await codes(why, job, "waiting-for-time", "pool-at-rest")
    assert (
        cause.command == """kubectl patch workerpool io --type merge --patch '{"spec":{"maxReplicas":1}}'"""
    )


async def test_a_pool_that_starts_from_zero_says_so_with_its_reason(system: System, why: Why):
    starting = replace(RESTING, desired=3, replicas=3, reason="0 → 3: 40 s of work queued")
    await system.dispatch.tell_pool(starting)
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "pool-starting")
    assert "0 of 3 are ready: 0 → 3: 40 s of work queued." in cause.message
    await system.dispatch.tell_pool(replace(starting, conditions=("Unschedulable",)))
    (cause,) = await codes(why, job, "pool-starting")
    assert (cause.message.endswith("It reports Unschedulable."), cause.action) == (
        True,
        "See what keeps its workers from starting",
    )
    await system.ready(queues="demo", **FAST)
    await system.state(job, State.COMPLETED)
    await codes(why, job)


async def test_a_paused_pool_starts_nobody(system: System, why: Why):
    await system.dispatch.tell_pool(replace(RESTING, desired=3, paused=True, scaled_by="corral up"))
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "pool-paused")
    assert cause.command is None
    (other,) = await system.submit("demo.cpu", {"seconds": 0}, queue="cpu")
    await codes(why, other, "no-worker")  # no pool serves that queue


async def test_full_workers_of_a_pool_that_grows_or_may_not(system: System, why: Why):
    await system.ready(slots_async=1, **FAST)
    (running,) = await system.submit("demo.sleep", {"seconds": 300})
    await system.state(running, State.RUNNING)
    (job,) = await system.submit("demo.echo")
    full = replace(RESTING, desired=1, replicas=1, ready=1)
    for status, said in (
        (replace(full, desired=2, reason="1 → 2: 300 s"), "1 of 2 are ready: 1 → 2: 300 s."),
        (replace(full, maximum=1), "The pool io is at its maximum of 1 worker."),
        (replace(full, paused=True), "nobody but a person changes its number of workers."),
        (replace(full, reason="1 kept: objective 120 s"), "stays at 1 worker: 1 kept: objective 120 s."),
    ):
        await system.dispatch.tell_pool(status)
        (cause,) = await codes(why, job, "workers-full")
        assert cause.message.endswith(said)


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


async def test_there_is_no_such_job(why: Why):
    with pytest.raises(NotFound):
        await why.explain(UUID(int=0))
