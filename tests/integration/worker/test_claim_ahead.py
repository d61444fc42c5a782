"""Where jobs end as soon as they begin, more are claimed than slots are free; none of them is kept for long (protocol rule 9)."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import FAR, QUEUE, Engine, engine_of, gates
from tests.integration.worker.system import System
from tests.integration.worker.test_limits import declare
from tests.integration.worker.test_limits import submit as submit_limited

from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse
from corral.job.priority import Priority
from corral.job.state import State
from corral_worker.outcomes import Stop

LANE = Lane(QUEUE, Priority.NORMAL)


def ahead(system: System, **options: Any) -> AbstractAsyncContextManager[Engine]:
    """An engine of two slots in which whatever ends before the loop turns again ended at once, however busy the machine is."""
    return engine_of(system, at_once_seconds=FAR, **{"async": 2}, **options)


def watch(engine: Engine) -> list[int]:
    """How many jobs each claim brings, from now on."""
    sizes: list[int] = []
    start = engine.executor.start

    def started(claimed: Sequence[Claimed]) -> bool:
        sizes.append(len(claimed))
        return start(claimed)

    engine.executor.start = started  # type: ignore[method-assign]
    return sizes


async def two_quick_then(engine: Engine, *gated: str) -> list[UUID]:
    """Two jobs that end at once, then some that wait at gates, whose ids are answered."""
    for payload in ("x", "y"):
        await engine.submit("engine.echo", payload)
    return [await engine.submit("engine.gated", gate) for gate in gated]


async def test_after_jobs_that_ended_at_once_a_claim_takes_more_than_it_has_slots(system: System):
    async with ahead(system) as engine:
        sizes = watch(engine)
        jobs = [await engine.submit("engine.echo", number) for number in range(30)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert sizes[0] == 2
        assert max(sizes) == 6, "each slot's two beside those that are free"
        assert (
            engine.slots.waiting
            == engine.slots.used[engine.executor._catalog.types["engine.echo"].executor]
            == 0
        )


async def test_no_more_handlers_run_than_there_are_slots_and_the_next_begins_when_one_ends(system: System):
    async with ahead(system) as engine:
        *_, third = await two_quick_then(engine, "a", "b", "c")
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        await engine.begun("b")
        await system.state(third, State.RUNNING)
        assert not gates["c"].begun.is_set()
        gates["b"].open.set()
        await engine.begun("c")
        assert not gates["a"].open.is_set()


async def test_what_gets_no_slot_in_time_goes_back_to_the_front_in_its_order(system: System):
    async with ahead(system, hold_seconds=0.05) as engine:
        first, second = await two_quick_then(engine, "a", "b")
        held = [await engine.submit("engine.echo", number) for number in range(2)]
        last = await engine.submit("engine.echo", "last")
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        await engine.begun("b")
        for job in held:
            await eventually_async(lambda job=job: given_back(system, job))
        assert await others_find(system, 3) == [*held, last]
        assert [(await system.job(job)).state for job in (first, second)] == [State.RUNNING] * 2


async def given_back(system: System, job: UUID) -> bool:
    row = await system.job(job)
    return row.state is State.QUEUED and row.attempt == 1


async def others_find(system: System, count: int) -> list[UUID]:
    """What another worker finds in the lane, in its order, once it holds so many."""
    list_key = f"rq:queue:{QUEUE}"
    await eventually_async(lambda: holds(system, list_key, count))
    return [one.id for one in (await system.dispatch.lanes.pop("other", [LANE], 99, wait=False)).popped]


async def holds(system: System, list_key: str, count: int) -> bool:
    return await system.dispatch._redis.llen(list_key) == count


@pytest.mark.parametrize(("why", "state"), [(Stop.RELEASE, State.QUEUED), (Stop.CANCEL, State.CANCELLED)])
async def test_what_is_told_to_stop_while_it_waits_ends_before_its_handler_is_called(
    system: System, why: Stop, state: State
):
    async with ahead(system) as engine:
        *_, third = await two_quick_then(engine, "a", "b", "c")
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        await system.state(third, State.RUNNING)
        engine.seal.keep()  # so that it is not claimed again
        (execution,) = [one for one in engine.attempts.running() if one.claimed.id == third]
        engine.executor.stop(execution, why)
        await system.state(third, state)
        assert not gates["c"].begun.is_set()
        assert engine.slots.waiting == 0
        assert len(engine.attempts.running()) == 2, "no slot had to be free for that"


async def test_a_lost_worker_begins_none_of_them(system: System):
    async with ahead(system) as engine:
        *_, third = await two_quick_then(engine, "a", "b", "c")
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        await system.state(third, State.RUNNING)
        engine.worker.incarnation = None
        engine.executor.lose_all()
        await eventually_async(lambda: not engine.attempts.held and engine.slots.idle)
        assert not gates["c"].begun.is_set()


async def test_what_takes_of_limits_is_left_to_others_where_the_room_is_for_jobs_claimed_ahead(
    system: System,
):
    await declare(system, "one", '{"total": 9}')
    async with ahead(system) as engine:
        loop, me = engine.claim_loop, engine.worker.incarnation
        assert me is not None
        limited = await submit_limited(engine, "a", LimitUse("one"))
        for count, claimed in ((2, False), (0, True)):
            loop._claim_ahead.count = count
            pop = await loop._pop(engine.slots.budgets(count), 2 + count, wait=False, idle=True)
            assert len(pop.turns) == 1
            assert await loop._take_turns(me, pop.turns, alone=False) is claimed
            assert ((await system.job(limited)).state is State.RUNNING) is claimed
        engine.run(engine.completer)
        gates["a"].open.set()
        await system.state(limited, State.COMPLETED)


async def test_after_a_pop_with_groups_nothing_is_claimed_ahead(system: System):
    async with ahead(system) as engine:
        loop = engine.claim_loop
        for grouped, count in ((False, 2), (True, 0)):
            loop._claim_ahead.begin(2)
            loop._claim_ahead.grouped = grouped
            engine.slots.ended += 2
            await loop._claim_ahead.look()
            assert loop._claim_ahead.count == count


async def test_batches_that_come_without_their_group_have_a_slot_each(system: System):
    async with ahead(system) as engine:
        await two_quick_then(engine)
        for gate in ("a", "b", "c"):
            await engine.submit("engine.batched", gate)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        await engine.begun("b")
        assert not gates["c"].begun.is_set()
        gates["a"].open.set()
        await engine.begun("c")


async def test_jobs_that_take_their_time_let_nothing_be_claimed_ahead(system: System):
    async with engine_of(system, at_once_seconds=0.0, **{"async": 2}) as engine:
        sizes = watch(engine)
        jobs = [await engine.submit("engine.echo", number) for number in range(12)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert max(sizes) == 2


async def test_a_full_batch_has_none_beyond_it(system: System):
    async with engine_of(system, at_once_seconds=FAR, **{"async": 150}) as engine:
        assert engine.slots.ahead(150) == 50
        assert engine.slots.ahead(3) == 3
    async with engine_of(system, at_once_seconds=FAR, **{"async": 400}) as engine:
        assert engine.slots.ahead(400) == 0
