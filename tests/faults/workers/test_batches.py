"""Batches whose jobs are cancelled, whose process or worker dies, and whose worker stops (protocol rule 14)."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.batches.test_batch_handlers import RIG, batches, ends, submit
from tests.integration.worker.handlers.rig_batches import SIZE
from tests.integration.worker.system import System, running_system

from corral.actions.jobs import JobActions
from corral.job.state import State


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


async def test_a_cancel_of_one_applies_to_its_outcome_alone(system: System):
    await system.ready(handlers=RIG, slots_process=1, heartbeat=0.2)
    actions = JobActions(system.store, system.dispatch)
    go = system.effects.parent / f"{system.effects.name}.go"
    for executor in ("async", "thread"):
        go.unlink(missing_ok=True)  # the next handler waits, too
        lot = f"{executor}-cancelled"
        jobs = await submit(system, executor, lot, "wait for cancel", "x", "x", "raise")
        await system.state(jobs[0], State.RUNNING)
        await actions.cancel([jobs[0]], "test")
        go.touch()
        ended = await ends(system, jobs)
        assert {job.state for job in ended[1:]} == {State.SCHEDULED}, "the handler raised for them"
        assert ended[0].state is State.CANCELLED


@pytest.mark.parametrize("executor", ["async", "process"])
async def test_a_batch_of_which_all_are_cancelled_is_stopped(system: System, executor: str):
    await system.ready(handlers=RIG, slots_process=1, heartbeat=0.2)
    jobs = await submit(system, executor, "stopped", *["wait"] * SIZE)
    await system.state(jobs[0], State.RUNNING)
    await JobActions(system.store, system.dispatch).cancel(jobs, "test")
    assert {job.state for job in await ends(system, jobs)} == {State.CANCELLED}


async def test_a_process_that_dies_with_a_batch_takes_one_of_its_jobs_alone(system: System):
    await system.ready(handlers=RIG, slots_process=1)
    jobs = await submit(system, "process", "dead", "x", "die", "x", "x")
    ended = await ends(system, jobs)
    assert [job.state for job in ended] == [
        State.COMPLETED,
        State.SCHEDULED,
        State.COMPLETED,
        State.COMPLETED,
    ]
    assert [job.attempt for job in ended] == [1] * SIZE
    assert batches(system, "dead") == ["1,2,3,4", "1", "2", "3", "4"]


async def test_a_batch_is_given_back_when_its_worker_stops(system: System):
    worker = await system.ready(handlers=RIG, slots_process=1, grace=0.5)
    jobs = await submit(system, "async", "released", "wait", "succeed", "x", "x")
    await system.state(jobs[1], State.COMPLETED)
    worker.process.terminate()
    await worker.ended()
    left = [await system.job(job) for job in jobs]
    assert [(job.state, job.releases) for job in left] == [
        (State.QUEUED, 1),
        (State.COMPLETED, 0),
        (State.QUEUED, 1),
        (State.QUEUED, 1),
    ]


async def test_a_worker_that_is_killed_amid_a_batch_leaves_suspects_that_run_alone(system: System):
    await system.maintained(lease=4)
    worker = await system.ready(handlers=RIG, slots_process=1, heartbeat=0.3)
    jobs = await submit(system, "async", "killed", "wait", "succeed", "x", "x")
    await system.state(jobs[1], State.COMPLETED)
    os.kill(worker.process.pid, signal.SIGKILL)
    (system.effects.parent / f"{system.effects.name}.go").touch()

    async def suspects() -> bool:
        left = [await system.job(job) for job in (jobs[0], *jobs[2:])]
        return all(job.suspect for job in left)

    await eventually_async(suspects, timeout=90)
    await system.ready(handlers=RIG, slots_process=1, heartbeat=0.3)
    ended = [await system.state(job, State.COMPLETED) for job in jobs]
    assert [job.stalls for job in ended] == [0, 0, 0, 0], (
        "they did not run alone: nothing tells which of them it was"
    )
    assert sorted(batches(system, "killed")) == ["1", "1,2,3,4", "3", "4"]
