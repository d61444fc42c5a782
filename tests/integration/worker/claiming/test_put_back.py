"""What was claimed beyond the slots and has none in time is put back without a trace, whatever happens then (protocol rule 15)."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.claiming.returning import (
    WatchedClaims,
    ahead,
    as_before,
    others_find,
    sizes_of,
    two_quick_then,
)
from tests.integration.worker.engine import gates
from tests.integration.worker.system import System

from corral.job.job import Claimed
from corral.job.options import Executor
from corral.job.state import State
from corral_worker.attempts.execution import Execution


async def test_what_finds_no_slot_goes_back_to_the_front_in_its_order_without_a_trace(system: System):
    async with ahead(system) as engine:
        first, second, *held = await two_quick_then(engine, "a", "b")
        last = await engine.submit("engine.echo", "last")
        before = {job: await system.job(job) for job in (*held, last)}
        sizes = sizes_of(engine)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        await engine.begun("b")
        await eventually_async(lambda: as_before(system, before))
        assert sizes == [(2, 0), (2, 3)], "three were claimed beyond the slots"
        assert [(await system.job(job)).state for job in (first, second)] == [State.RUNNING] * 2
        assert await others_find(system, 3) == [*held, last]
        for job in held:
            assert await system.store.jobs.attempts(job) == []
        assert len(engine.attempts.held) == 2


@pytest.mark.parametrize("told", ["stops", "drains", "is sealed"])
async def test_a_worker_that_may_claim_no_more_puts_back_what_has_no_slot(system: System, told: str):
    async with ahead(system) as engine:
        *_, third, fourth = await two_quick_then(engine, "a", "b")

        async def claimed(claims: WatchedClaims) -> None:
            if claims.count == 2:
                engine.worker.stop("the test") if told == "stops" else None
                engine.claim_loop.draining = told == "drains"
                engine.seal.keep() if told == "is sealed" else None

        WatchedClaims.watch(engine, claimed=claimed)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        for gate in ("a", "b"):
            gates[gate].open.set()
        assert await others_find(system, 2) == [third, fourth]
        assert {(await system.job(job)).attempt for job in (third, fourth)} == {0}


@pytest.mark.parametrize("how", ["in its row", "as the worker heard"])
async def test_what_was_cancelled_while_it_had_no_slot_ends_so_before_its_handler_is_called(
    system: System, how: str
):
    async with ahead(system) as engine:
        _, _, third, *rest = await two_quick_then(engine, "a", "b", "c")

        async def putting_back(_: WatchedClaims, ids: Sequence[UUID]) -> None:
            if how == "in its row":
                await system.store.jobs.cancel([third], "ann")

        def held(job: Claimed) -> Execution:
            execution = hold(job)
            if how == "as the worker heard" and job.id == third:
                engine.executor.cancel([third])
            return execution

        hold, engine.executor.hold = engine.executor.hold, held  # type: ignore[method-assign]
        WatchedClaims.watch(engine, putting_back=putting_back)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        await system.state(third, State.CANCELLED)
        assert not gates["c"].begun.is_set()
        assert engine.slots.waiting == 0
        assert engine.slots.used[Executor.ASYNC] == 2
        assert {(await system.job(job)).state for job in rest} == {State.QUEUED}


@pytest.mark.parametrize("written", [True, False])
async def test_a_lost_answer_to_a_put_back_is_asked_for_again_before_anything_is_claimed(
    system: System, written: bool
):
    async with ahead(system) as engine:
        *_, third, fourth = await two_quick_then(engine, "a", "b")
        claims = WatchedClaims.watch(engine, lost=2, written=written)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        assert await others_find(system, 2) == [third, fourth]
        assert claims.put_backs == 3
        assert claims.count == 2, "nothing was claimed meanwhile"
        assert {(await system.job(job)).attempt for job in (third, fourth)} == {0}


async def test_a_worker_that_ends_while_postgres_is_away_releases_what_it_could_not_put_back(system: System):
    async with ahead(system) as engine:
        *_, third, fourth = await two_quick_then(engine, "a", "b")
        claims = WatchedClaims.watch(engine, lost=10**6, written=False)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        await eventually_async(lambda: claims.put_backs > 0)
        engine.worker.stop("the test")
        engine.claim_loop.give_up()
        for job in (third, fourth):
            await system.state(job, State.QUEUED)
            assert (await system.job(job)).releases == 1
        assert len(engine.attempts.running()) == 2


async def test_a_lost_worker_begins_none_of_them(system: System):
    async with ahead(system) as engine:
        *_, third, fourth = await two_quick_then(engine, "a", "b")

        async def putting_back(_: WatchedClaims, __: Sequence[UUID]) -> None:
            engine.worker.incarnation = None
            engine.executor.lose_all()

        WatchedClaims.watch(engine, putting_back=putting_back)
        engine.run(engine.claim_loop)
        await eventually_async(lambda: not engine.attempts.held and engine.slots.idle)
        assert not {third, fourth} & {one.claimed.id for one in engine.finished._waiting}
        assert engine.attempts.stubborn == []


async def test_a_heartbeat_says_that_they_are_held(system: System):
    held: list[bool] = []
    async with ahead(system) as engine:
        *_, third, fourth = await two_quick_then(engine, "a", "b")

        async def putting_back(_: WatchedClaims, __: Sequence[UUID]) -> None:
            held.append({(third, 1), (fourth, 1)} <= engine.attempts.held.keys())

        WatchedClaims.watch(engine, putting_back=putting_back)
        engine.run(engine.claim_loop)
        await eventually_async(lambda: bool(held))
    assert held[0]


async def test_what_waits_longer_than_expected_goes_back(system: System):
    async with ahead(system, hold_seconds=0.0) as engine:
        sizes = sizes_of(engine)
        claims = WatchedClaims.watch(engine)
        jobs = [await engine.submit("engine.echo", number) for number in range(20)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert max(later for _, later in sizes) > 0
        assert claims.put_backs > 0
        assert {(await system.job(job)).attempt for job in jobs} == {1}
        await asyncio.gather(*(no_attempt_but_one(system, job) for job in jobs))


async def no_attempt_but_one(system: System, job: UUID) -> None:
    assert (await system.job(job)).releases == 0
    assert len(await system.store.jobs.attempts(job)) <= 1
