"""The claim loop takes as many jobs as there are free slots, and is told when to look again: it never has to poll."""

import asyncio

from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import DEADLINE, engine_of, gates
from tests.integration.worker.system import System

from corral.job.state import State


async def test_a_job_is_claimed_run_and_written(system: System):
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        job = await engine.submit("engine.gated", "a")
        await engine.begun("a")
        assert (await system.job(job)).state is State.RUNNING
        gates["a"].open.set()
        await system.state(job, State.COMPLETED)
        assert engine.claim_loop.claimed == 1


async def test_a_full_worker_claims_the_next_job_when_a_slot_is_free(system: System):
    async with engine_of(system, **{"async": 1}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await engine.submit("engine.gated", "a")
        await engine.begun("a")
        waiting = await engine.submit("engine.gated", "b")
        assert (await system.job(waiting)).state is State.QUEUED
        assert not gates["b"].begun.is_set()
        gates["a"].open.set()
        await engine.begun("b")


async def test_nothing_is_claimed_while_too_many_outcomes_wait_for_postgres(system: System):
    async with engine_of(system, limit=1) as engine:
        engine.run(engine.claim_loop)
        await engine.submit("engine.echo", 1)
        await eventually_async(lambda: engine.finished.held)
        waiting = await engine.submit("engine.gated", "a")
        engine.claim_loop.stir()
        await eventually_async(lambda: not engine.slots.freed.is_set())
        assert (await system.job(waiting)).state is State.QUEUED
        engine.run(engine.completer)
        await engine.begun("a")


async def test_a_drain_and_its_end_are_obeyed_at_once(system: System):
    async with engine_of(system) as engine:
        engine.claim_loop.draining = True
        engine.run(engine.claim_loop)
        await eventually_async(lambda: engine.claim_loop.holding == "draining")
        job = await engine.submit("engine.gated", "a")
        assert (await system.job(job)).state is State.QUEUED
        engine.claim_loop.draining = False
        engine.claim_loop.stir()
        await engine.begun("a")


async def test_without_an_incarnation_nothing_is_claimed(system: System):
    async with engine_of(system) as engine:
        incarnation, engine.worker.incarnation = engine.worker.incarnation, None
        engine.run(engine.claim_loop)
        job = await engine.submit("engine.gated", "a")
        await eventually_async(lambda: not engine.slots.freed.is_set())
        assert (await system.job(job)).state is State.QUEUED
        engine.worker.incarnation = incarnation
        engine.claim_loop.stir()
        await engine.begun("a")


async def test_a_worker_that_is_told_to_stop_claims_no_more_and_its_loop_ends(system: System):
    async with engine_of(system) as engine:
        running = asyncio.create_task(engine.claim_loop.run())
        await engine.submit("engine.gated", "a")
        await engine.begun("a")
        engine.worker.stop("the test")
        async with asyncio.timeout(DEADLINE):
            await running
        job = await engine.submit("engine.echo", 1)
        assert (await system.job(job)).state is State.QUEUED


async def test_a_suspect_runs_alone(system: System):
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await engine.submit("engine.gated", "a")
        await engine.begun("a")
        await system.suspect("engine.gated", "b", queue="engine")
        engine.claim_loop.stir()
        await eventually_async(lambda: engine.claim_loop.holding == "suspect")
        other = await engine.submit("engine.gated", "c")
        assert not gates["b"].begun.is_set(), "not beside another"
        gates["a"].open.set()
        await engine.begun("b")
        assert (await system.job(other)).state is State.QUEUED, "and nothing beside it"
        gates["b"].open.set()
        await engine.begun("c")


async def test_a_redis_that_is_away_is_told_and_looked_for_again(system: System):
    with Proxy(system.redis_url) as proxy:
        own, system.dispatch = system.dispatch, type(system.dispatch).open(proxy.url)
        async with engine_of(system) as engine:
            proxy.cut()
            engine.run(engine.claim_loop)
            await eventually_async(lambda: engine.claim_loop.holding == "redis")
            proxy.heal()
            await engine.submit("engine.gated", "a")
            await engine.begun("a")
            assert engine.claim_loop.holding is None
        await system.dispatch.close()
        system.dispatch = own
