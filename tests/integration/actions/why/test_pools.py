"""Why a job of a scaled pool does not run: the pool rests, starts, is paused or full."""

import signal
from dataclasses import replace

from tests.integration.actions.why.causes import FAST, RESTING, codes
from tests.integration.worker.system import System

from corral.actions.why.why import Why
from corral.job.state import State


async def test_the_pool_is_at_rest(system: System, why: Why):
    worker = await system.ready(worker_name="last-one")
    worker.send(signal.SIGTERM)
    await worker.ended()
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "pool-at-rest")
    assert "last-one" in cause.message
    await system.ready()
    await system.state(job, State.COMPLETED)


async def test_a_time_to_come_and_a_pool_at_rest(system: System, why: Why):
    worker = await system.ready()
    worker.send(signal.SIGTERM)
    await worker.ended()
    (job,) = await system.submit("demo.echo", delay=300)
    await codes(why, job, "waiting-for-time", "pool-at-rest")


async def test_a_pool_at_rest_says_so_itself(system: System, why: Why):
    await system.dispatch.pools.report(RESTING)
    (job,) = await system.submit("demo.echo", delay=300)
    _, cause = await codes(why, job, "waiting-for-time", "pool-at-rest")
    assert cause.message == (
        "The pool io, which serves demo, is at rest: Keeping 0: nothing queued, running or due."
    )
    await system.dispatch.pools.report(replace(RESTING, maximum=0))
    _, cause = await codes(why, job, "waiting-for-time", "pool-at-rest")
    assert (
        cause.command == """kubectl patch workerpool io --type merge --patch '{"spec":{"maxReplicas":1}}'"""
    )


async def test_a_pool_that_starts_from_zero_says_so_with_its_reason(system: System, why: Why):
    starting = replace(RESTING, desired=3, replicas=3, reason="0 → 3: 40 s of work queued")
    await system.dispatch.pools.report(starting)
    (job,) = await system.submit("demo.echo")
    (cause,) = await codes(why, job, "pool-starting")
    assert "0 of 3 are ready: 0 → 3: 40 s of work queued." in cause.message
    await system.dispatch.pools.report(replace(starting, conditions=("Unschedulable",)))
    (cause,) = await codes(why, job, "pool-starting")
    assert (cause.message.endswith("It reports Unschedulable."), cause.action) == (
        True,
        "See what keeps its workers from starting",
    )
    await system.ready(queues="demo", **FAST)
    await system.state(job, State.COMPLETED)
    await codes(why, job)


async def test_a_paused_pool_starts_nobody(system: System, why: Why):
    await system.dispatch.pools.report(replace(RESTING, desired=3, paused=True, scaled_by="corral up"))
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
        (
            replace(full, reason="Keeping 1: objective 120 s"),
            "stays at 1 worker: Keeping 1: objective 120 s.",
        ),
    ):
        await system.dispatch.pools.report(status)
        (cause,) = await codes(why, job, "workers-full")
        assert cause.message.endswith(said)
