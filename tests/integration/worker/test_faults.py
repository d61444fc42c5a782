"""Workers killed, frozen and cut off: nothing lost, nothing ended twice, old attempts refused."""

import asyncio
import os
import signal
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async, lasts_async
from tests.integration.worker.system import System, ended, running_system

from corral.job.state import State
from corral.store import JobFilter, WorkerState

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SHORT = {"heartbeat": 0.3, "lease": 1.5}
ROOMY = {"heartbeat": 0.3, "lease": 4}
"""Where losses are counted: a busy machine stops a worker for a while, too."""
KILLED = (
    "killed-between-pop-and-claim",
    "killed-after-the-claim",
    "killed-before-the-completion",
    "killed-after-the-completion",
)


async def followed(system: System, *jobs: UUID) -> None:
    """Each of the jobs has exactly one follow-up, which runs once."""
    for job in jobs:
        (one,) = await system.store.follow_ups.of(job)
        row = await system.state(one.follow_up, State.COMPLETED)
        assert (row.result, row.attempt) == ({"after": str(job)}, 1)
    every = await system.store.jobs.page(JobFilter(type="rig.followed"), limit=200)
    assert len(every.items) == len(jobs)


async def all_completed(system: System, jobs: list[UUID], timeout: float = 40.0) -> None:  # noqa: ASYNC109
    for job in jobs:
        await system.state(job, State.COMPLETED, timeout=timeout)


@pytest.mark.parametrize("failpoint", KILLED)
async def test_a_worker_killed_at_any_point_loses_no_job(system: System, failpoint: str):
    await system.maintained()
    await system.register_types()
    doomed = await system.rigged(failpoint, **SHORT)
    told = {"seconds": 0, "effects": str(system.effects), "then": True}
    jobs = await system.submit("rig.sleep", told, count=20)
    assert await doomed.ended() == -signal.SIGKILL
    assert (system.folder / "struck").exists()
    await system.ready(**SHORT)
    await all_completed(system, jobs)
    starts = system.effect_lines("start")
    for job in jobs:
        row = await system.job(job)
        attempts = await system.store.jobs.attempts(job)
        assert len([line for line in starts if line[1] == str(job)]) <= row.attempt
        assert [attempt.outcome for attempt in attempts if attempt.outcome == "failed"] == []
        assert row.errors == 0
    await followed(system, *jobs)


@pytest.mark.parametrize(
    "failpoint", ["claim-not-sent", "answer-of-the-claim-lost", "answer-of-the-completion-lost"]
)
async def test_a_lost_answer_is_found_out_and_nothing_runs_twice(system: System, failpoint: str):
    await system.register_types()
    worker = await system.rigged(failpoint)
    told = {"seconds": 0, "effects": str(system.effects), "then": True}
    jobs = await system.submit("rig.sleep", told, count=20)
    await all_completed(system, jobs)
    await followed(system, *jobs)
    assert (system.folder / "struck").exists()
    assert len(system.effect_lines("start")) == 20
    assert {(await system.job(job)).attempt for job in jobs} == {1}
    assert worker.process.poll() is None


async def test_a_worker_frozen_beyond_its_lease_loses_its_jobs_and_is_fenced(system: System):
    await system.maintained(**ROOMY)
    await system.register_types()
    frozen = await system.ready(**ROOMY)
    told = {"seconds": 6, "effects": str(system.effects), "then": True}
    (job,) = await system.submit("rig.sleep", told)
    await system.started()
    (first,) = await system.store.workers.list()
    frozen.send(signal.SIGSTOP)
    await system.state(job, State.QUEUED, timeout=60)
    other = await system.ready(**ROOMY)
    await system.started(2)
    frozen.send(signal.SIGCONT)
    await eventually_async(lambda: frozen.events("worker.registered_anew"), timeout=60)
    completed = await system.state(job, State.COMPLETED, timeout=60)
    assert (completed.attempt, completed.stalls) == (2, 1)
    await followed(system, job)
    lost = await system.store.workers.get(first.id)
    assert lost is not None
    assert lost.state is WorkerState.LOST
    first_attempt = (await system.store.jobs.attempts(job))[0]
    assert (first_attempt.attempt, first_attempt.outcome) == (1, "stalled")
    assert frozen.process.poll() is None
    # The one that was lost works again, as a new incarnation.
    other.send(signal.SIGTERM)
    assert await other.ended() == 0
    assert (await system.result("demo.echo", "again")).result == "again"


async def test_a_worker_frozen_within_its_lease_keeps_its_jobs(system: System):
    await system.maintained(lease=6, heartbeat=0.3)
    worker = await system.ready(lease=6, heartbeat=0.3)
    (job,) = await system.submit("rig.sleep", {"seconds": 3, "effects": str(system.effects)})
    await system.started()
    worker.send(signal.SIGSTOP)
    await lasts_async(1.5)
    worker.send(signal.SIGCONT)
    assert (await system.state(job, State.COMPLETED)).attempt == 1
    assert not worker.events("worker.lost")


async def test_children_die_with_their_worker(system: System):
    worker = await system.ready()
    await system.submit("rig.child_sleep", {"seconds": 600, "effects": str(system.effects)})
    ((_, _, _, child),) = await system.started()
    worker.send(signal.SIGKILL)
    await eventually_async(lambda: ended(int(child)))


async def test_a_signal_to_the_whole_group_lets_children_finish(system: System):
    worker = await system.ready(grace=20)
    (job,) = await system.submit("rig.child_sleep", {"seconds": 1.5, "effects": str(system.effects)})
    await system.started()
    os.killpg(worker.pid, signal.SIGTERM)
    assert await worker.ended() == 0
    assert (await system.job(job)).state is State.COMPLETED


async def test_an_idle_child_that_dies_is_replaced(system: System):
    worker = await system.ready(slots_process=1)
    first = (await system.result("rig.child_sleep", {"seconds": 0})).result
    os.kill(first, signal.SIGKILL)
    await eventually_async(lambda: ended(first))
    second = await system.result("rig.child_sleep", {"seconds": 0})
    assert second.state is State.COMPLETED
    assert second.result != first
    assert worker.process.poll() is None


async def test_a_poison_job_fails_without_its_neighbours(system: System):
    """It kills its worker three times: once among others, then alone until its stalls are used up (rule 24)."""
    await system.maintained(**ROOMY)
    workers = [await system.ready(**ROOMY)]
    neighbours = await system.submit("rig.sleep", {"seconds": 3, "effects": str(system.effects)}, count=10)
    await system.started(10)
    (poison,) = await system.submit("rig.poison", {"effects": str(system.effects)})

    async def settled() -> bool:
        if workers[-1].process.poll() is not None:
            workers.append(await system.ready(**ROOMY))
        return (await system.job(poison)).state is State.FAILED

    await eventually_async(settled, timeout=150)
    failed = await system.job(poison)
    assert failed.error is not None
    assert (failed.error["kind"], failed.stalls) == ("stall", 3)
    await all_completed(system, neighbours, timeout=60)
    alone = {line[1] for line in system.effect_lines("poison")}
    assert alone == {str(poison)}
    assert max([(await system.job(job)).stalls for job in neighbours]) <= 1


async def test_redis_wiped_and_restarted_is_survived(own_valkey, database_url, tmp_path):
    async with running_system(database_url, own_valkey.url, tmp_path) as system:
        await system.maintained()
        worker = await system.ready(heartbeat=1, lease=5)
        assert (await system.result("demo.echo", 1)).result == 1
        jobs = await system.submit("rig.sleep", {"seconds": 1, "effects": str(system.effects)}, count=5)
        await system.started(5)
        own_valkey.stop()
        await all_completed(system, jobs)  # outcomes go to Postgres all the same
        await eventually_async(lambda: worker.events("dispatch.away"))
        own_valkey.start()
        again = await system.submit("demo.echo", "again", count=5)
        await all_completed(system, again)
        assert worker.process.poll() is None
        assert {(await system.job(job)).attempt for job in jobs} == {1}


async def test_results_are_held_while_postgres_is_away(own_postgres, redis_url, tmp_path):
    from corral.store.migrations import upgrade  # noqa: PLC0415  # as the fixtures do

    await asyncio.to_thread(upgrade, own_postgres.url)
    async with running_system(own_postgres.url, redis_url, tmp_path) as system:
        worker = await system.ready(heartbeat=1, lease=20)
        enough = system.folder / "enough"
        told = {"file": str(enough), "effects": str(system.effects)}
        jobs = await system.submit("rig.until", told, count=5)
        await system.started(5)
        await asyncio.to_thread(own_postgres.stop)
        enough.touch()
        await eventually_async(lambda: len(system.effect_lines("end")) == 5)
        await eventually_async(lambda: worker.events("results.held"))
        await asyncio.to_thread(own_postgres.start)
        await all_completed(system, jobs)
        assert {(await system.job(job)).attempt for job in jobs} == {1}
        assert len(system.effect_lines("start")) == 5
        assert worker.process.poll() is None
        assert (await system.result("demo.echo", "after")).result == "after"


async def test_jobs_that_run_under_a_worker_that_does_not_hold_them_are_released(system: System):
    """Rule 21: the heartbeat's answer finds them after 10 s; no error and no stall is counted."""
    worker = await system.rigged("a-claim-is-forgotten", **SHORT)
    jobs = await system.submit("rig.sleep", {"seconds": 0, "effects": str(system.effects)}, count=5)
    await all_completed(system, jobs, timeout=60)
    rows = [await system.job(job) for job in jobs]
    assert max(row.attempt for row in rows) == 2
    for row in rows:
        assert (row.releases, row.errors, row.stalls) == (row.attempt - 1, 0, 0)
    assert len(system.effect_lines("start")) == 5
    assert worker.events("job.released_unheld")


async def test_a_worker_that_stops_while_postgres_is_away_does_not_hang(own_postgres, redis_url, tmp_path):
    from corral.store.migrations import upgrade  # noqa: PLC0415  # as the fixtures do

    await asyncio.to_thread(upgrade, own_postgres.url)
    async with running_system(own_postgres.url, redis_url, tmp_path) as system:
        worker = await system.ready(heartbeat=0.5, lease=20, grace=1)
        enough = system.folder / "enough"
        (first,) = await system.submit("rig.until", {"file": str(enough), "effects": str(system.effects)})
        await system.started()
        await asyncio.to_thread(own_postgres.stop)
        enough.touch()
        await eventually_async(lambda: worker.events("results.held"))
        worker.send(signal.SIGTERM)
        assert await worker.ended(timeout=40) == 0
        assert worker.events("results.lost_with_worker")
        await asyncio.to_thread(own_postgres.start)
        await system.maintained()
        await system.ready(**SHORT)
        assert (await system.state(first, State.COMPLETED, timeout=60)).attempt == 2
