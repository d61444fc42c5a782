"""Outcomes are written in batches, held while Postgres is away, and one that is refused takes no other along."""

from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import Engine, engine_of
from tests.integration.worker.system import System

from corral.job.state import State
from corral.store import Store
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Returned
from corral_worker.attempts.outcomes import Stop


async def ended(engine: Engine, result: str = "1", **fields: object) -> Execution:
    """An attempt that has ended and is not written."""
    execution = Execution(
        await engine.claimed("engine.echo", None, **fields), engine.catalog.types["engine.echo"]
    )
    engine.attempts.add(execution)
    execution.finish(Returned(result))
    engine.finished.add(execution)
    return execution


async def test_what_has_ended_is_written_together_and_forgotten(system: System):
    async with engine_of(system) as engine:
        executions = [await ended(engine, str(number)) for number in range(3)]
        assert engine.finished.held == 3
        engine.run(engine.completer)
        await engine.written()
        assert [(await system.job(one.claimed.id)).result for one in executions] == [0, 1, 2]
        assert (engine.attempts.held, engine.finished.held) == ({}, 0)
        assert (engine.completer.succeeded, engine.completer.failed) == (3, 0)


async def test_the_last_outcome_tells_that_the_worker_is_empty(system: System):
    async with engine_of(system) as engine:
        await ended(engine)
        engine.slots.freed.clear()
        engine.run(engine.completer)
        await engine.written()
        assert engine.slots.freed.is_set()


async def test_outcomes_are_held_while_postgres_is_away_and_leave_no_room(system: System):
    with Proxy(system.database_url) as proxy:
        store = Store.open(proxy.url)
        async with engine_of(system, store, limit=2) as engine:
            proxy.cut()
            executions = [await ended(engine), await ended(engine)]
            running = Execution(
                await engine.claimed("engine.echo", None), engine.catalog.types["engine.echo"]
            )
            engine.attempts.add(running)  # the worker is not empty afterwards: that would wake the loop, too
            engine.run(engine.completer)
            assert (engine.finished.held, engine.finished.room) == (2, 0)
            engine.slots.freed.clear()
            proxy.heal()
            await engine.written()
            assert (engine.finished.held, engine.finished.room) == (0, 2)
            assert engine.slots.freed.is_set(), "there is room again: the claim loop may look"
            for one in executions:
                assert (await system.job(one.claimed.id)).state is State.COMPLETED
        await store.close()


async def test_a_result_that_can_not_be_stored_fails_its_attempt_alone(system: System):
    async with engine_of(system) as engine:
        good, bad, other = await ended(engine), await ended(engine, '"\\u0000"'), await ended(engine)
        engine.run(engine.completer)
        await engine.written()
        for one in (good, other):
            assert (await system.job(one.claimed.id)).state is State.COMPLETED
        job = await system.job(bad.claimed.id)
        assert job.state is State.FAILED
        assert job.error is not None
        assert (job.error["kind"], job.error["type"]) == ("result", "ResultRefused")
        assert engine.attempts.held == {}


async def test_an_attempt_that_was_lost_before_it_was_written_is_left_out(system: System):
    async with engine_of(system) as engine:
        lost, other = await ended(engine), await ended(engine)
        engine.attempts.lose(lost)
        engine.run(engine.completer)
        await engine.written()
        assert (await system.job(lost.claimed.id)).state is State.RUNNING
        assert (await system.job(other.claimed.id)).state is State.COMPLETED


async def test_an_outcome_of_another_incarnation_is_fenced(system: System):
    async with engine_of(system) as engine:
        execution = await ended(engine)
        await engine.register()  # the process was taken for lost, and is a new one
        engine.run(engine.completer)
        await engine.written()
        assert (await system.job(execution.claimed.id)).state is State.RUNNING
        assert engine.attempts.held == {}


async def test_a_job_that_is_to_be_tried_again_at_once_is_in_its_lane_again(system: System):
    async with engine_of(system) as engine:
        execution = Execution(await engine.claimed("engine.gated", "a"), engine.catalog.types["engine.gated"])
        engine.attempts.add(execution)
        engine.slots.take(execution.executor)
        engine.run(engine.completer)
        job = execution.claimed.id
        await system.dispatch.lanes.pop("other", [system.lane("engine")], 1, wait=False)  # as its claim did

        async def listed() -> bool:
            found = await system.dispatch.lanes.pop("other", [system.lane("engine")], 1, wait=False)
            return [one.id for one in found.popped] == [job]

        engine.executor.stop(execution, Stop.RELEASE)
        await engine.executor.run(execution)
        await engine.written()
        await eventually_async(listed)
