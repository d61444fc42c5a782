"""One attempt, from its claim to what is written of it, in this process."""

import asyncio

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import DEADLINE, Engine, engine_of, gates, threads
from tests.integration.worker.system import System

from corral.job.options import Executor
from corral.job.outcome import Cancelled, Erred, ErrorKind, Exhausted, Released, Succeeded
from corral.job.state import State
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.outcomes import Stop
from corral_worker.lifecycle import exit_code


def held(engine: Engine) -> Execution:
    (execution,) = engine.attempts.held.values()
    return execution


@pytest.mark.parametrize("job_type", ["engine.gated", "engine.threaded"])
async def test_an_attempt_goes_from_its_claim_to_its_outcome(system: System, job_type: str):
    async with engine_of(system) as engine:
        claimed = await engine.claimed(job_type, "a")
        engine.executor.start([claimed])
        execution = held(engine)
        assert engine.slots.used[execution.executor] == 1
        gates["a"].open.set()
        assert await engine.ended() is execution
        assert execution.finished is not None
        assert (execution.finished.id, execution.finished.attempt) == (claimed.id, 1)
        assert execution.finished.outcome == Succeeded('"a"')
        assert engine.slots.idle
        assert engine.attempts.holds(execution), "it is ours until its outcome is written"


async def test_run_answers_with_what_is_to_be_written_and_never_raises(system: System):
    async with engine_of(system) as engine:
        execution = Execution(
            await engine.claimed("engine.raises", "no", retries=1), engine.catalog.types["engine.raises"]
        )
        engine.attempts.add(execution)
        engine.slots.take(execution.executor)
        finished = await engine.executor.run(execution)
        assert isinstance(finished.outcome, Erred)
        assert (finished.outcome.error.type, finished.outcome.error.message) == ("builtins.ValueError", "no")
        assert finished.outcome.retry_in == 60
        assert finished is execution.finished


async def test_the_last_try_is_exhausted(system: System):
    async with engine_of(system) as engine:
        engine.executor.start([await engine.claimed("engine.raises", "no", retries=0)])
        finished = (await engine.ended()).finished
        assert finished is not None
        assert isinstance(finished.outcome, Exhausted)


@pytest.mark.parametrize(("why", "outcome"), [(Stop.CANCEL, Cancelled), (Stop.RELEASE, Released)])
async def test_an_attempt_that_is_stopped_ends_as_it_was_told(system: System, why: Stop, outcome: type):
    async with engine_of(system) as engine:
        engine.executor.start([await engine.claimed("engine.gated", "a")])
        await engine.begun("a")
        engine.executor.stop_all(why)
        finished = (await engine.ended()).finished
        assert finished is not None
        assert isinstance(finished.outcome, outcome)


async def test_a_handler_that_was_stopped_before_it_began_is_not_called(system: System):
    async with engine_of(system) as engine:
        execution = Execution(await engine.claimed("engine.gated", "a"), engine.catalog.types["engine.gated"])
        engine.attempts.add(execution)
        engine.slots.take(execution.executor)
        engine.executor.stop(execution, Stop.CANCEL)
        finished = await engine.executor.run(execution)
        assert isinstance(finished.outcome, Cancelled)
        assert not gates["a"].begun.is_set()


async def test_nothing_is_written_of_an_attempt_that_was_lost(system: System):
    async with engine_of(system) as engine:
        engine.executor.start([await engine.claimed("engine.gated", "a")])
        await engine.begun("a")
        execution = held(engine)
        engine.executor.lose_all()
        assert engine.attempts.held == {}
        assert engine.attempts.stubborn == [execution], "its handler still runs here"
        assert execution.task is not None
        await execution.task
        assert (engine.attempts.stubborn, engine.finished.held) == ([], 0)
        assert engine.slots.idle


async def test_the_end_of_a_handler_is_told_to_whoever_waits_for_its_slot(system: System):
    async with engine_of(system, **{"async": 1}) as engine:
        engine.executor.start([await engine.claimed("engine.gated", "a")])
        await engine.begun("a")
        assert [budget.room for budget in engine.slots.budgets()] == [0]
        engine.slots.freed.clear()
        gates["a"].open.set()
        async with asyncio.timeout(DEADLINE):
            await engine.slots.freed.wait()
        assert [budget.room for budget in engine.slots.budgets()] == [1]


async def test_a_thread_past_its_timeout_is_abandoned_and_its_worker_asks_to_be_started_again(system: System):
    async with engine_of(system, thread=1) as engine:
        engine.executor.start([await engine.claimed("engine.stuck", "a", timeout=0.1)])
        execution = held(engine)
        async with asyncio.timeout(DEADLINE):
            await engine.worker.stopping.wait()  # all of its slots are stuck
        assert engine.worker.exit_code == exit_code.STUCK
        assert execution.abandoned
        assert engine.attempts.only_abandoned
        assert engine.slots.abandoned[Executor.THREAD] == 1
        await engine.timeouts.written()
        row = await system.job(execution.claimed.id)
        assert row.state is State.RUNNING
        assert (row.error or {})["kind"] == "timeout", "it is in its row before the thread ends"
        threads["a"].set()
        assert await engine.ended() is execution
        assert execution.finished is not None
        assert isinstance(execution.finished.outcome, Exhausted)
        assert execution.finished.outcome.error.kind is ErrorKind.TIMEOUT
        assert engine.slots.abandoned[Executor.THREAD] == 0


async def test_an_attempt_that_was_given_up_ends_once(system: System):
    async with engine_of(system) as engine:
        engine.executor.start([await engine.claimed("engine.stuck", "a", timeout=0.1)])
        execution = held(engine)
        await eventually_async(lambda: execution.past_timeout)
        engine.executor.give_up()
        assert await engine.ended() is execution
        given_up = execution.finished
        threads["a"].set()
        assert execution.task is not None
        await execution.task
        assert execution.finished is given_up
        assert engine.finished.held == 0
        assert engine.slots.idle
