"""Limited jobs take turns: the claim loop is told whenever a limit has room again, and never has to poll."""

from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.engine import QUEUE, Engine, engine_of, gates
from tests.integration.worker.system import System

from corral.dispatch import entry_of, key_names
from corral.dispatch.rings import Stay
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse, group_of, uses_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.duties.limits import KeepLimits
from corral.maintenance.leadership import LeaderCandidate, Reign

DECLARE = """
INSERT INTO corral.limits (name, declared, version) VALUES (%(name)s, %(values)s::jsonb, '1')
ON CONFLICT (name) DO UPDATE SET declared = excluded.declared
"""
IN_USE = "SELECT name, in_use FROM corral.limit_keys WHERE in_use <> 0 ORDER BY name"
LANE = Lane(QUEUE, Priority.NORMAL)


async def declare(system: System, name: str, values: str) -> None:
    await system.store.database.run(DECLARE, {"name": name, "values": values})


async def submit(engine: Engine, payload: Any, *uses: LimitUse, type: str = "engine.gated") -> UUID:
    return await engine.submit(type, payload, limits=uses_of(QUEUE, Priority.NORMAL, uses))


async def reign_of(system: System) -> Reign:
    reign = await LeaderCandidate(system.store.leases, "leader").look()
    assert reign is not None
    return reign


async def nothing_in_use(system: System) -> bool:
    return await system.store.database.run(IN_USE) == []


async def test_a_freed_slot_is_used_at_once(system: System):
    await declare(system, "one", '{"total": 1}')
    async with engine_of(system, **{"async": 4}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        jobs = [await submit(engine, name, LimitUse("one")) for name in ("a", "b", "c")]
        for name, later in (("a", "b"), ("b", "c"), ("c", None)):
            await engine.begun(name)
            assert later is None or not gates[later].begun.is_set()
            gates[name].open.set()
        for job in jobs:
            await system.state(job, State.COMPLETED)
        await eventually_async(lambda: nothing_in_use(system))


async def test_jobs_without_limits_and_other_keys_pass_a_full_one(system: System):
    await declare(system, "customer", '{"each": 1}')
    async with engine_of(system, **{"async": 4}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await submit(engine, "a", LimitUse("customer", "acme"))
        await engine.begun("a")
        waiting = await submit(engine, 1, LimitUse("customer", "acme"), type="engine.echo")
        await submit(engine, "b", LimitUse("customer", "other"))
        await engine.begun("b")
        await engine.submit("engine.gated", "c")
        await engine.begun("c")
        assert (await system.job(waiting)).state is State.QUEUED


async def test_a_group_that_is_let_in_and_full_elsewhere_lets_in_the_next(system: System):
    await declare(system, "one", '{"total": 1}')
    await declare(system, "customer", '{"each": 1}')
    one = LimitUse("one")
    alone = group_of(QUEUE, Priority.NORMAL, ["one"])
    keys = (LimitUse("customer", str(number)) for number in range(100))
    # Of two that wait equally long the lesser group is let in first: it shall be the one with two limits.
    key = next(use for use in keys if group_of(QUEUE, Priority.NORMAL, ["one", use.name]) < alone)
    async with engine_of(system, **{"async": 4}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await submit(engine, "a", one)
        await engine.begun("a")
        waiting = await submit(engine, 1, one, key, type="engine.echo")
        await eventually_async(lambda: _kept_out(engine, 1))
        await submit(engine, "b", key)
        await engine.begun("b")
        await submit(engine, "c", one)
        await eventually_async(lambda: _kept_out(engine, 2))
        gates["a"].open.set()
        await engine.begun("c")
        assert (await system.job(waiting)).state is State.QUEUED, "its other limit is full"
        gates["b"].open.set()
        gates["c"].open.set()
        await system.state(waiting, State.COMPLETED)


async def test_a_group_pays_nothing_for_a_turn_that_found_no_room_though_there_is_some_a_moment_later(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """It paid a whole turn, as many jobs as slots are free: others of a full limit went before it for seconds."""
    await declare(system, "one", '{"total": 1}')
    async with engine_of(system, **{"async": 4}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await submit(engine, "a", LimitUse("one"))
        await engine.begun("a")
        claimer, worker = engine.claim_loop._group_claiming, engine.worker.incarnation
        assert worker is not None
        engine.claim_loop.draining = True
        engine.claim_loop.stir()
        await eventually_async(lambda: engine.claim_loop.holding == "draining")
        await submit(engine, "b", LimitUse("one"))
        look = claimer._store.look

        async def room_again(*arguments: Any, **keywords: Any) -> Any:
            gates["a"].open.set()
            await eventually_async(lambda: nothing_in_use(system))
            return await look(*arguments, **keywords)

        monkeypatch.setattr(claimer._store, "look", room_again)
        pop = await system.dispatch.lanes.pop("w", [LANE], 4, wait=False)
        taken = await claimer.take(worker, pop.turns, alone=False, held=[], give_up=lambda: False)
        assert [(one.turn.take, one.verdict, one.took) for one in taken.settled] == [(4, Stay(), 0.0)]


async def _full(engine: Engine) -> bool:
    return bool(await engine.dispatch.rings.full_names())


async def _kept_out(engine: Engine, count: int) -> bool:
    groups, _ = await engine.store.limit_duties.groups()
    waiting = [(group.lane, group.id) for group in groups]
    having_turns = await turns(engine)
    return len(waiting) == count and not having_turns and not await engine.dispatch.rings.unknown(waiting)


async def turns(engine: Engine) -> int:
    return int(await engine.dispatch.rings._redis.zcard(key_names.RING + LANE.name))


async def test_after_a_wipe_the_leader_enters_the_groups_again(system: System, redis_url: str):
    await declare(system, "one", '{"total": 1}')
    async with engine_of(system) as engine:
        await submit(engine, "a", LimitUse("one"))
        await system.dispatch.rings._redis.flushall()
        assert not (await engine.dispatch.lanes.pop("w", [LANE], 10, wait=False)).turns
        engine.run(engine.claim_loop, engine.completer)
        duty = KeepLimits(system.store, system.dispatch, clock=lambda: 0.0)
        assert await duty.round(await reign_of(system)) == 1
        await engine.begun("a")


async def test_a_limit_that_opens_by_itself_lets_in_who_waits_for_it(system: System):
    await declare(system, "one", '{"total": 0}')
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await submit(engine, "a", LimitUse("one"))
        await eventually_async(lambda: _full(engine))
        await declare(system, "one", '{"total": 1}')
        duty = KeepLimits(system.store, system.dispatch)
        await duty.round(await reign_of(system))
        await engine.begun("a")


async def test_a_suspect_with_limits_runs_alone(system: System):
    await declare(system, "one", '{"total": 2}')
    async with engine_of(system) as engine:
        lost = await submit(engine, 1, LimitUse("one"), type="engine.echo")
        await system.store.database.run(
            "UPDATE corral.jobs SET suspect = true WHERE id = %(id)s", {"id": lost}
        )
        await system.dispatch.rings._redis.flushall()
        (group,) = (await system.store.limit_duties.groups())[0]
        assert group.lane.suspect
        await system.dispatch.lanes.enqueue([entry_of(group.lane, lost, group.id)])
        engine.run(engine.claim_loop, engine.completer)
        await system.state(lost, State.COMPLETED)
        await eventually_async(lambda: nothing_in_use(system))


async def test_a_type_that_is_unknown_here_is_asked_about_once_a_second_at_most(system: System):
    await declare(system, "one", '{"total": 2}')
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        strange = await submit(engine, 1, LimitUse("one"), type="engine.strange")
        await eventually_async(lambda: _full(engine))
        assert (await system.job(strange)).state is State.QUEUED
        await engine.submit("engine.gated", "a")
        await engine.begun("a")


async def test_a_worker_runs_as_many_as_each_may_and_the_next_one_when_one_has_ended(system: System):
    await declare(system, "gpu", '{"per_worker": 1}')
    async with engine_of(system, **{"async": 4}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        jobs = [await submit(engine, name, LimitUse("gpu")) for name in ("a", "b")]
        await engine.begun("a")
        jobs.append(await engine.submit("engine.gated", "c"))
        await engine.begun("c")
        assert not gates["b"].begun.is_set()
        assert not await engine.dispatch.rings.full_names(), "other workers may take the next one"
        for name in ("a", "b", "c"):
            gates[name].open.set()
        for job in jobs:
            await system.state(job, State.COMPLETED)


async def test_a_job_that_keeps_its_slot_is_let_in_when_its_next_try_is_due(system: System):
    await declare(system, "order", '{"each": 1, "hold": "life"}')
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        key = uses_of(QUEUE, Priority.NORMAL, [LimitUse("order", "acme")])
        first = await engine.submit("engine.raises", 1, limits=key, retries=1)
        await system.state(first, State.SCHEDULED)
        second = await submit(engine, 1, LimitUse("order", "acme"), type="engine.echo")
        await eventually_async(lambda: _full(engine))
        await system.store.jobs.run_now([first], "ann")
        duty = KeepLimits(system.store, system.dispatch)
        await duty.round(await reign_of(system))
        await system.state(first, State.FAILED)
        await system.state(second, State.COMPLETED)


async def test_jobs_of_a_limit_with_room_are_claimed_by_one_statement_and_those_of_before_are_found(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    await declare(system, "one", '{"total": 1000}')
    claims = {"open": 0, "whole": 0}
    store = system.store.limit_claims

    def counting(name: str, claim: Any) -> Any:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            claims[name] += 1
            return await claim(*args, **kwargs)

        return counted

    monkeypatch.setattr(store, "claim_open", counting("open", store.claim_open))
    monkeypatch.setattr(store, "claim", counting("whole", store.claim))
    async with engine_of(system, **{"async": 4}) as engine:
        jobs = [await submit(engine, n, LimitUse("one"), type="engine.echo") for n in range(200)]
        late = jobs.pop()
        await system.store.database.run(
            "UPDATE corral.jobs SET queued_at = queued_at - interval '1 hour', state = 'scheduled' WHERE id = %(id)s",
            {"id": late},
        )
        engine.run(engine.claim_loop, engine.completer)
        await system.state(jobs[40], State.COMPLETED)
        await system.store.database.run(
            "UPDATE corral.jobs SET state = 'blocked' WHERE id = %(id)s", {"id": late}
        )
        for job in (*jobs, late):
            await system.state(job, State.COMPLETED)
        await eventually_async(lambda: nothing_in_use(system))
    assert claims["open"] > 20
    assert claims["open"] > claims["whole"]
