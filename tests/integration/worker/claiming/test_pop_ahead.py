"""The next pop goes out while a claim is under way, and nothing that it finds is kept from others (protocol rules 9, 10)."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.claiming.returning import WatchedClaims, others_find
from tests.integration.worker.engine import DEADLINE, QUEUE, Engine, engine_of, gates
from tests.integration.worker.system import System

from corral.dispatch import Budget, Pop
from corral.dispatch.lanes import Lanes, Popped
from corral.job.lane import Lane
from corral.job.priority import PRIORITIES, Priority
from corral.job.state import State
from corral_worker.claiming.lane_order import POPS_PER_LOOK_FROM_BELOW
from corral_worker.claiming.pop_ahead import fitting


async def popped(system: System) -> int:
    """How many ids were popped and are not answered yet."""
    return await system.dispatch._redis.zcard(f"corral:popped:{QUEUE}")


def popped_ahead(engine: Engine) -> bool:
    """Whether a pop beside the claim has its answer."""
    ahead = engine.claim_loop._ahead.under_way
    return ahead is not None and ahead.done()


async def two_quick_two_gated(engine: Engine, rest: int) -> list[UUID]:
    """Jobs for two slots: two that end at once, two that wait at gates, and the rest, whose ids are answered."""
    for payload in ("x", "y"):
        await engine.submit("engine.echo", payload)
    for gate in ("a", "b"):
        await engine.submit("engine.gated", gate)
    return [await engine.submit("engine.echo", number) for number in range(rest)]


async def test_after_jobs_that_ended_at_once_the_next_pop_goes_out_beside_the_claim(system: System):
    beside: list[bool] = []
    async with engine_of(system, **{"async": 2}) as engine:

        async def claimed(claims: WatchedClaims) -> None:
            if len(beside) == 1:  # the second claim: two more are popped while it is under way
                await eventually_async(lambda: more_popped(len(claims.answers[-1].claimed)))
            beside.append(True)

        async def more_popped(claiming: int) -> bool:
            await engine.claim_loop._answers.flush()
            return await popped(system) == claiming + 2

        WatchedClaims.watch(engine, claimed=claimed)
        jobs = [await engine.submit("engine.echo", number) for number in range(6)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        assert len(beside) == 3


async def test_answers_travel_with_the_next_pop_and_the_last_ones_soon_after_it(system: System):
    told: dict[str, list[UUID]] = {"with a pop": [], "in a call": []}

    class WatchedLanes(Lanes):
        async def pop(self, *arguments: Any, done: Any = (), **keywords: Any) -> Pop:
            told["with a pop"] += [job for _, job in done]
            return await super().pop(*arguments, done=done, **keywords)

        async def ack(self, acks: Any) -> None:
            told["in a call"] += [one.id for one in acks]
            await super().ack(acks)

    async def none_popped() -> bool:
        return await popped(system) == 0

    async with engine_of(system, **{"async": 2}) as engine:
        dispatch = engine.claim_loop._dispatch
        own, dispatch.lanes = dispatch.lanes, WatchedLanes(dispatch._redis, dispatch._blocking)
        jobs = [await engine.submit("engine.echo", number) for number in range(20)]
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        await eventually_async(none_popped)
        assert sorted(told["with a pop"] + told["in a call"]) == sorted(jobs), "each is told once"
        assert len(told["with a pop"]) >= 2
        dispatch.lanes = own


async def test_what_finds_no_slot_goes_back_to_the_front_in_its_order_while_the_others_run(system: System):
    async with engine_of(system, **{"async": 2}) as engine:
        rest = await two_quick_two_gated(engine, 4)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        await engine.begun("b")
        await eventually_async(lambda: list_is(system, rest))
        assert await others_find(system, 4) == rest
        assert not gates["a"].open.is_set()


async def list_is(system: System, ids: list[UUID]) -> bool:
    texts = await system.dispatch._redis.lrange(f"rq:queue:{QUEUE}", 0, -1)
    return texts == [str(one).encode() for one in ids]


async def test_jobs_that_go_on_let_nothing_be_popped_beside_the_next_claim(system: System):
    rooms: list[int] = []

    class WatchedLanes(Lanes):
        async def pop(self, worker: str, lanes: Any, room: int, **keywords: Any) -> Pop:
            found = await super().pop(worker, lanes, room, **keywords)
            rooms.append(len(found.popped))
            return found

    async with engine_of(system, **{"async": 2}) as engine:
        dispatch = engine.claim_loop._dispatch
        own, dispatch.lanes = dispatch.lanes, WatchedLanes(dispatch._redis, dispatch._blocking)
        for gate in ("a", "b", "c"):
            await engine.submit("engine.gated", gate)
        await engine.submit("engine.echo", 1)
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("b")
        gates["a"].open.set()
        await engine.begun("c")
        assert rooms == [2, 1], "no more than slots were free"
        dispatch.lanes = own


@pytest.mark.parametrize("why", ["stop", "seal", "drain", "lost"])
async def test_a_worker_that_may_claim_no_more_leaves_what_it_popped_to_others(system: System, why: str):
    async with engine_of(system, **{"async": 2}) as engine:
        told = asyncio.Event()

        async def claimed(claims: WatchedClaims) -> None:
            if claims.count == 2:
                await eventually_async(lambda: popped_ahead(engine))
                told.set()
                match why:
                    case "stop":
                        engine.worker.stop("the test")
                    case "seal":
                        engine.seal.keep()
                    case "drain":
                        engine.claim_loop.draining = True
                    case _:
                        engine.worker.incarnation = None

        WatchedClaims.watch(engine, claimed=claimed)
        jobs = [await engine.submit("engine.echo", number) for number in range(8)]
        running = asyncio.create_task(engine.claim_loop.run())
        async with asyncio.timeout(DEADLINE):
            await told.wait()
        await eventually_async(lambda: list_is(system, jobs[4:]))
        assert await others_find(system, 4) == jobs[4:]
        assert engine.claim_loop.claimed == 4
        assert [(await system.job(job)).state for job in jobs[4:]] == [State.QUEUED] * 4
        engine.worker.stop("the test")
        await running


async def test_a_pause_holds_what_was_popped_before_it(system: System):
    async with engine_of(system, **{"async": 2}) as engine:

        async def claimed(claims: WatchedClaims) -> None:
            if claims.count == 2:
                await eventually_async(lambda: popped_ahead(engine))
                await system.store.queues.pause(QUEUE, "the test")

        watched = WatchedClaims.watch(engine, claimed=claimed)
        jobs = [await engine.submit("engine.echo", number) for number in range(6)]
        engine.run(engine.claim_loop, engine.completer)
        await eventually_async(lambda: watched.count > 2)
        later = watched.answers[2:]
        assert [one.claimed for one in later] == [[]] * len(later)
        assert [(await system.job(job)).state for job in jobs[4:]] == [State.QUEUED] * 2


async def test_a_look_from_below_is_not_lost_with_a_pop_that_took_nothing(system: System):
    async with engine_of(system, **{"async": 2}) as engine:
        loop = engine.claim_loop
        order = loop._lane_order
        for _ in range(POPS_PER_LOOK_FROM_BELOW - 1):
            order.next()
        loop._ahead.send(loop._pop([], 1, wait=False, idle=False))  # the twentieth
        await engine.submit("engine.echo", 1)
        assert await loop._ahead.taken([], 0) is None
        assert order.next()[0].priority is PRIORITIES[-1]


def test_each_queue_is_bound_by_every_budget_that_names_it():
    email, video = Lane("email", Priority.NORMAL), Lane("video", Priority.NORMAL)
    both = frozenset({"email", "video"})
    ids = [Popped(email, UUID(int=1)), Popped(video, UUID(int=2)), Popped(email, UUID(int=3))]
    assert fitting(ids, [Budget(both, 9)], 9) == 3
    assert fitting(ids, [Budget(both, 9)], 2) == 2
    assert fitting(ids, [Budget(both, 9), Budget(frozenset({"email"}), 1)], 9) == 2
    assert fitting(ids, [Budget(both, 9), Budget(frozenset({"video"}), 0)], 9) == 1
    assert fitting(ids, [], 0) == 0
