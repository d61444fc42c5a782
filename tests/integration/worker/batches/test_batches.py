"""Batches: when one starts, what is in it, and that it wakes nobody before (protocol rule 14)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async, lasts_async
from tests.integration.worker.engine import QUEUE, Engine, batches, engine_of, gates, sizes_in_force
from tests.integration.worker.limits.test_limits import declare, reign_of
from tests.integration.worker.system import System

from corral.catalog import Batch
from corral.dispatch import key_names
from corral.job.limit_use import LimitUse, batch_key, uses_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.duties.limits import KeepLimits

TYPE = "engine.batched"


async def submit(
    engine: Engine, *payloads: Any, key: str = "*", uses: tuple[LimitUse, ...] = ()
) -> list[UUID]:
    limits = uses_of(QUEUE, Priority.NORMAL, uses, batch_key(TYPE, key))
    return [await engine.submit(TYPE, payload, limits=limits) for payload in payloads]


async def gathering(engine: Engine, count: int) -> bool:
    redis = engine.dispatch.rings._redis
    return int(await redis.zcard(key_names.GATHERING)) == count


async def completed(system: System, jobs: list[UUID]) -> None:
    for job in jobs:
        await system.state(job, State.COMPLETED)


async def test_a_batch_starts_when_it_is_full(system: System):
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        first = await submit(engine, 1, 2)
        await eventually_async(lambda: gathering(engine, 1))
        assert batches == []
        await completed(system, first + await submit(engine, 3))
        assert batches == [[1, 2, 3]]
        assert engine.slots.idle


async def test_a_batch_starts_when_its_oldest_job_has_waited_long_enough(system: System):
    async with engine_of(system) as engine:
        sizes_in_force[TYPE] = Batch(size=3, wait=0.3)
        jobs = await submit(engine, 1, 2)  # both, before anybody looks
        engine.run(engine.claim_loop, engine.completer)
        await completed(system, jobs)
        assert batches == [[1, 2]]
        (oldest, _) = [await system.job(job) for job in jobs]
        assert oldest.started_at is not None
        assert oldest.queued_at is not None
        assert (oldest.started_at - oldest.queued_at).total_seconds() >= 0.3


async def test_a_batch_starts_in_time_also_where_redis_is_told_late_of_its_wait(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    """Redis counts the wait from when it is told: the worker's look must not come before that is over."""
    async with engine_of(system) as engine:
        sizes_in_force[TYPE] = Batch(size=3, wait=0.3)
        pop = engine.dispatch.lanes.pop

        async def late(*args: Any, settled: Sequence[Any], **kwargs: Any) -> Any:
            if settled:
                await lasts_async(0.1)
            return await pop(*args, settled=settled, **kwargs)

        monkeypatch.setattr(engine.dispatch.lanes, "pop", late)
        jobs = await submit(engine, 1, 2)
        engine.run(engine.claim_loop, engine.completer)
        await completed(system, jobs)


async def test_many_jobs_start_as_full_batches_and_what_is_left_waits(system: System):
    async with engine_of(system, **{"async": 10}) as engine:
        jobs = await submit(engine, *range(8))
        engine.run(engine.claim_loop, engine.completer)
        await completed(system, jobs[:6])
        await eventually_async(lambda: gathering(engine, 1))
        assert sorted(batches) == [[0, 1, 2], [3, 4, 5]]


async def test_a_batch_takes_one_slot(system: System):
    async with engine_of(system, **{"async": 1}) as engine:
        engine.run(engine.claim_loop, engine.completer)
        await submit(engine, "a", 1, 2)
        await engine.begun("a")
        assert engine.slots.used == {"async": 1}
        waiting = await submit(engine, 3, 4, 5)
        assert not batches[1:]
        gates["a"].open.set()
        await completed(system, waiting)
        assert engine.slots.idle


async def test_jobs_of_another_key_are_in_another_batch(system: System):
    async with engine_of(system) as engine:
        await submit(engine, 1, 2, key="x")
        jobs = await submit(engine, 3, 4, 5, key="y")
        engine.run(engine.claim_loop, engine.completer)
        await completed(system, jobs)
        await eventually_async(lambda: gathering(engine, 1))
        assert batches == [[3, 4, 5]]


async def test_a_batch_has_no_more_bytes_than_it_may_and_a_large_job_goes_alone(system: System):
    async with engine_of(system) as engine:
        sizes_in_force[TYPE] = Batch(size=3, wait=3600, max_bytes=10)
        jobs = await submit(engine, 123456, 12345, "1234567890")
        engine.run(engine.claim_loop, engine.completer)
        await completed(system, jobs)
        assert batches == [[123456], [12345], ["1234567890"]], "two of them together have more than ten bytes"
        await submit(engine, 1, 2)
        await eventually_async(lambda: gathering(engine, 1))


async def test_a_batch_has_what_its_limits_have_room_for(system: System):
    await declare(system, "one", '{"total": 2}')
    async with engine_of(system) as engine:
        jobs = await submit(engine, "a", 2, 3, 4, 5, uses=(LimitUse("one"),))
        engine.run(engine.claim_loop, engine.completer)
        await engine.begun("a")
        assert batches == [["a", 2]]
        gates["a"].open.set()
        await completed(system, jobs[:4])
        assert batches == [["a", 2], [3, 4]]


async def test_after_a_wipe_the_leader_finds_a_batch_that_is_not_full(system: System):
    async with engine_of(system) as engine:
        engine.run(engine.claim_loop, engine.completer)
        first = await submit(engine, 1, 2)
        await eventually_async(lambda: gathering(engine, 1))
        assert await forgotten(system) == 0
        await system.dispatch.rings._redis.flushall()
        assert await forgotten(system) == 1
        engine.claim_loop.stir()  # no token reaches a worker whose registration was wiped, too
        await eventually_async(lambda: gathering(engine, 1))
        await completed(system, first + await submit(engine, 3))


async def forgotten(system: System) -> int:
    """How many groups the leader finds that have no turn and do not wait."""
    return await KeepLimits(system.store, system.dispatch).round(await reign_of(system))
