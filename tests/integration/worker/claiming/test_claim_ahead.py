"""Where jobs end as soon as they begin, more are claimed than slots are free; what finds none is put back (protocol rules 9, 15)."""

from tests.fixtures.waiting import eventually_async
from tests.integration.worker.claiming.returning import (
    TWO,
    WatchedClaims,
    ahead,
    quick,
    sizes_of,
    two_quick_then,
)
from tests.integration.worker.engine import engine_of, gates
from tests.integration.worker.system import System

from corral.job.options import Executor
from corral.job.state import State


async def test_after_jobs_that_ended_at_once_a_claim_takes_more_than_it_has_slots(system: System):
    async with ahead(system) as engine:
        sizes = sizes_of(engine)
        jobs = [await engine.submit("engine.echo", number) for number in range(30)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert sizes[0] == (2, 0)
        assert max(sizes) == (2, 4), "each slot's two beside those that are free"
        assert engine.slots.waiting == engine.slots.used[Executor.ASYNC] == 0
        assert {(await system.job(job)).attempt for job in jobs} == {1}


async def test_no_more_handlers_run_than_there_are_slots(system: System):
    most = 0
    async with ahead(system) as engine:
        take = engine.slots.take

        def taken(executor: Executor) -> None:
            nonlocal most
            take(executor)
            most = max(most, engine.slots.used[executor])

        engine.slots.take = taken  # type: ignore[method-assign]
        jobs = [await engine.submit("engine.echo", number) for number in range(30)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
    assert most == 2


async def test_a_type_that_was_put_back_has_to_show_again_that_it_is_quick(system: System):
    async with ahead(system) as engine:
        *_, third = await two_quick_then(engine, "a", "b")
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        await eventually_async(lambda: engine.claim_loop._claim_ahead._runs.total() == 0)
        sizes = sizes_of(engine)
        for gate in ("a", "b"):
            gates[gate].open.set()
        await system.state(third, State.COMPLETED)
        assert sizes
        assert all(later == 0 for _, later in sizes)


async def test_a_type_of_which_a_handler_went_on_is_not_quick(system: System):
    async with engine_of(system, quick_runs=1, **{"async": 4}) as engine:
        await engine.submit("engine.gated", "a")
        jobs = [await engine.submit("engine.echo", number) for number in range(8)]
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        for job in jobs:
            await system.state(job, State.COMPLETED)
        runs = engine.claim_loop._claim_ahead._runs
        assert runs["engine.gated"] == 0
        assert runs["engine.echo"] >= 3


async def test_jobs_of_a_type_that_it_does_not_know_as_quick_are_left_to_others(system: System):
    async with engine_of(system, quick_runs=500, **TWO) as engine:
        sizes = sizes_of(engine)
        jobs = [await engine.submit("engine.echo", number) for number in range(12)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert max(sizes) == (2, 0)


async def test_quick_jobs_do_not_wait_behind_others(system: System):
    async with ahead(system) as engine:
        quick(engine, "engine.echo")
        for payload in ("x", "y"):
            await engine.submit("engine.echo", payload)
        gated = await engine.submit("engine.gated", "a")
        echoes = [await engine.submit("engine.echo", number) for number in range(6)]
        sizes, claims = sizes_of(engine), WatchedClaims.watch(engine)
        engine.run(engine.claim_loop, engine.completer)
        for job in echoes:
            await system.state(job, State.COMPLETED)
        assert (await system.job(gated)).state is State.RUNNING
        assert sizes[1] == (2, 0), "a job of another type stood before them"
        assert (1, 2) in sizes, "those that have the other slot for themselves are"
        assert claims.put_backs == 0


async def test_batches_that_come_without_their_group_are_not_held(system: System):
    async with ahead(system) as engine:
        jobs = [await engine.submit("engine.batched", gate) for gate in ("a", "b", "c")]
        claimed = (
            await system.store.claims.claim(
                engine.worker.incarnation, jobs[0], jobs, ["engine.batched"], alone=False
            )
        ).claimed
        assert claimed == [] or not any(engine.executor.may_wait(job) for job in claimed)


async def test_threads_are_not_held(system: System):
    async with engine_of(system, quick_runs=1, **{"async": 2, "thread": 1}) as engine:
        job = await engine.claimed("engine.threaded")
        assert not engine.executor.may_wait(job)
        assert engine.executor.may_wait(await engine.claimed("engine.echo"))


async def test_the_wait_is_bounded_by_what_the_last_claims_took(system: System):
    async with engine_of(system, quick_runs=1, **{"async": 60}) as engine:
        policy = engine.claim_loop._claim_ahead
        policy.more = True
        quick(engine, "engine.echo")
        begun = [await engine.claimed("engine.echo")]
        for seconds, count in ((1e-6, 120), (0.0005, 40), (0.002, 0)):
            policy._seconds.append(seconds)
            assert policy._most(begun) == count
        policy._seconds.clear()
        policy._seconds.append(1e-6)
        policy.more = False
        assert policy._most(begun) == 0, "there is nothing beyond what was popped"
