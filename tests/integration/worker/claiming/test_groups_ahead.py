"""Of groups more is claimed than slots are free where their limits have ample room; what finds none is put back (rules 9, 12, 15)."""

from uuid import UUID

from tests.fixtures.waiting import eventually_async
from tests.integration.worker.claiming.returning import WatchedClaims, ahead, as_before, quick, sizes_of
from tests.integration.worker.engine import QUEUE, Engine, gates
from tests.integration.worker.limits.test_limits import IN_USE, LANE, declare, nothing_in_use, submit
from tests.integration.worker.system import System

from corral.dispatch import key_names
from corral.dispatch.rings import Full, TurnOutcome
from corral.job.limit_use import LimitUse, group_of
from corral.job.options import Executor
from corral.job.priority import Priority
from corral.job.state import State

ONE = LimitUse("one")
GROUP = group_of(QUEUE, Priority.NORMAL, ["one"])


async def _echoes(engine: Engine, count: int) -> list[UUID]:
    return [await submit(engine, number, ONE, type="engine.echo") for number in range(count)]


async def test_where_their_limit_has_room_more_is_claimed_than_slots_are_free(system: System):
    await declare(system, "one", '{"total": 40}')
    most = 0
    async with ahead(system) as engine:
        sizes, take = sizes_of(engine), engine.slots.take

        def taken(executor: Executor) -> None:
            nonlocal most
            take(executor)
            most = max(most, engine.slots.used[executor])

        engine.slots.take = taken  # type: ignore[method-assign]
        jobs = await _echoes(engine, 40)
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        await eventually_async(lambda: nothing_in_use(system))
        assert {(await system.job(job)).attempt for job in jobs} == {1}
    assert sizes[0] == (2, 0), "nothing was known of the group"
    assert max(sizes) == (2, 4), "each slot's two beside those that are free"
    assert most == 2


async def test_where_it_would_leave_others_less_than_it_takes_only_free_slots_are_claimed_for(system: System):
    await declare(system, "one", '{"total": 11}')
    async with ahead(system) as engine:
        sizes = sizes_of(engine)
        jobs = await _echoes(engine, 40)
        engine.run(engine.claim_loop, engine.completer)
        for job in jobs:
            await system.state(job, State.COMPLETED)
        await eventually_async(lambda: nothing_in_use(system))
    assert max(sizes) == (2, 0)


async def test_of_a_group_of_which_nothing_is_known_it_claims_for_free_slots_alone(system: System):
    await declare(system, "one", '{"total": 40}')
    async with ahead(system) as engine:
        loop, me = engine.claim_loop, engine.worker.incarnation
        assert me is not None
        quick(engine, "engine.gated")
        jobs = [await submit(engine, name, ONE) for name in "abcd"]
        loop._claim_ahead.count = 2
        pop = await loop._pop(loop._claim_ahead.room(), 4, wait=False, idle=True)
        assert [turn.take for turn in pop.turns] == [4]
        turns = await loop._fitting(pop)
        assert [turn.take for turn in turns] == [2]
        await loop._take_turns(me, pop.turns, alone=False)  # though more is asked for
        assert [(await system.job(job)).state for job in jobs] == [State.RUNNING] * 2 + [State.QUEUED] * 2
        engine.run(engine.completer)
        for name in "ab":
            gates[name].open.set()
        for job in jobs[:2]:
            await system.state(job, State.COMPLETED)


async def test_what_finds_no_slot_gives_its_places_back_and_waits_with_its_group_as_before(system: System):
    await declare(system, "one", '{"total": 40}')
    await declare(system, "other", '{"total": 40}')
    async with ahead(system) as engine:
        quick(engine, "engine.echo", "engine.gated")
        first = await _echoes(engine, 2)
        gated = [await submit(engine, name, ONE) for name in "ab"]
        held = await _echoes(engine, 3)
        before = {job: await system.job(job) for job in held}
        other = group_of(QUEUE, Priority.NORMAL, ["one", "other"])

        async def putting_back(_: WatchedClaims, __: object) -> None:
            """Somebody else finds the limit full, and the group that is claimed of empty."""
            await submit(engine, "c", ONE, LimitUse("other"))
            (turn,) = [
                one
                for one in (await system.dispatch.lanes.pop("else", [LANE], 99, wait=False)).turns
                if one.group == other
            ]
            await system.dispatch.rings.settle([TurnOutcome(turn, Full("one"))])
            await system.dispatch._redis.zrem(key_names.RING + LANE.name, str(GROUP))

        claims = WatchedClaims.watch(engine, putting_back=putting_back)
        engine.run(engine.claim_loop, engine.completer)
        for name in "ab":
            await engine.begun(name)
        await eventually_async(lambda: claims.put_backs == 1)
        await eventually_async(lambda: as_before(system, before))
        await eventually_async(lambda: _in_use(system, 2))
        for job in first:
            assert (await system.job(job)).state in {State.RUNNING, State.COMPLETED}
        assert {(await system.job(job)).state for job in gated} == {State.RUNNING}
        await eventually_async(lambda: _both_have_turns(system, {str(GROUP), str(other)}))
        for name in "abc":
            gates[name].open.set()
        for job in (*gated, *held):
            await system.state(job, State.COMPLETED)
        assert {(await system.job(job)).attempt for job in held} == {1}
        await eventually_async(lambda: nothing_in_use(system))


async def _in_use(system: System, count: int) -> bool:
    return await system.store.database.run(IN_USE) == [("one", count)]


async def _both_have_turns(system: System, groups: set[str]) -> bool:
    members = await system.dispatch._redis.zrange(key_names.RING + LANE.name, 0, -1)
    return {member.decode() for member in members} >= groups
