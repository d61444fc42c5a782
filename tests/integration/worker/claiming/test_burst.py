"""A burst of jobs of mixed lengths over workers that come and go: no job is claimed twice as users see it (protocol rule 15)."""

from contextlib import AsyncExitStack
from uuid import UUID

from tests.fixtures.waiting import eventually_async
from tests.integration.worker.claiming.returning import WatchedClaims, however_slow
from tests.integration.worker.engine import QUEUE, Engine
from tests.integration.worker.system import System

from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.priority import Priority
from corral.job.state import State

JOBS, SLOTS, MOST = 2_000, 5, 8
LENGTHS = [0.0] * 150 + [0.03] * 20 + [0.0, 0.005] * 15
"""Seconds of jobs of one type, again and again: quick ones, until a worker knows them as such, then longer ones."""
ENDED = (State.COMPLETED, State.FAILED, State.CANCELLED)


async def test_a_burst_on_workers_that_scale_shows_one_attempt_of_each_job(system: System):
    jobs = await burst(system)
    put_back = 0
    async with AsyncExitStack() as stack:
        stack.enter_context(however_slow())
        working: list[tuple[Engine, WatchedClaims]] = []
        for count in (1, 3, MOST, 5, MOST, 2):
            while len(working) < count:
                working.append(await hired(system, stack))
            while len(working) > count:
                engine, claims = working.pop(0)
                engine.worker.stop("scaling")
                await eventually_async(lambda engine=engine: not engine.attempts.held)
                put_back += claims.put_backs
            left = await unfinished(system, jobs)
            await eventually_async(lambda left=left: fewer(system, jobs, left - JOBS // 8))
        await eventually_async(lambda: fewer(system, jobs, 0))
        put_back += sum(claims.put_backs for _, claims in working)
    assert put_back > 0, "a burst in which nothing is put back says nothing"
    rows = await system.store.jobs.many(jobs)
    assert {(row.state, row.attempt, row.releases, row.stalls) for row in rows} == {
        (State.COMPLETED, 1, 0, 0)
    }
    history = await system.store.database.run("SELECT count(*) FROM corral.attempts")
    assert history == [(0,)], "an attempt that never began is not told"


async def burst(system: System) -> list[UUID]:
    """All jobs, as one submission."""
    lengths = [LENGTHS[number % len(LENGTHS)] for number in range(JOBS)]
    ids = [new_id() for _ in lengths]
    new = [
        NewJob(
            id=id,
            type="engine.sleeps",
            queue=QUEUE,
            priority=Priority.NORMAL,
            payload=str(seconds),
            retries=0,
            timeout=60.0,
            max_stalls=2,
        )
        for id, seconds in zip(ids, lengths, strict=True)
    ]
    await system.store.jobs.insert(new)
    await system.dispatch.lanes.enqueue([system.entry(QUEUE, id) for id in ids])
    return ids


async def hired(system: System, stack: AsyncExitStack) -> tuple[Engine, WatchedClaims]:
    """One more worker, at work."""
    engine = Engine(
        system, system.store, name=f"engine-{new_id()}", quick_runs=50, hold_seconds=0.05, **{"async": SLOTS}
    )
    stack.push_async_callback(engine.close)
    await engine.register()
    claims = WatchedClaims.watch(engine)
    engine.run(engine.claim_loop, engine.completer)
    return engine, claims


async def unfinished(system: System, jobs: list[UUID]) -> int:
    return sum(row.state not in ENDED for row in await system.store.jobs.many(jobs))


async def fewer(system: System, jobs: list[UUID], left: int) -> bool:
    return await unfinished(system, jobs) <= max(0, left)
