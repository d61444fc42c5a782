"""Cancels of running jobs: heard through the heartbeat, hurried by RQ's command, never against a success."""

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System

from corral.job.state import State


@pytest.mark.parametrize("kind", ["rig.sleep", "rig.child_sleep"])
@pytest.mark.parametrize("hurried", [False, True])
async def test_a_running_job_is_cancelled(system: System, kind: str, hurried: bool):
    await system.ready(heartbeat=60 if hurried else 0.2, lease=120)
    (job,) = await system.submit(kind, {"seconds": 60, "effects": str(system.effects)})
    await system.started()
    await system.store.jobs.cancel([job], "test")
    if hurried:
        (record,) = await system.store.workers.list()
        await system.dispatch.hints.cancel(record.name, [job])
    cancelled = await system.state(job, State.CANCELLED)
    assert cancelled.attempt == 1
    assert not system.effect_lines("end")


async def test_a_thread_that_was_cancelled_keeps_its_slot_until_it_ends(system: System):
    worker = await system.ready(heartbeat=0.2, lease=2, slots_thread=8)
    enough = system.folder / "enough"
    (job,) = await system.submit("rig.thread_until", {"file": str(enough), "effects": str(system.effects)})
    await system.started()
    await system.store.jobs.cancel([job], "test")
    await eventually_async(lambda: worker.events("job.cancel_heard"))
    assert (await system.job(job)).state is State.RUNNING
    enough.touch()
    ended = await system.state(job, State.CANCELLED, State.COMPLETED)
    assert ended.state is State.COMPLETED  # a success under way wins
    assert system.effect_lines("end")


async def test_a_success_under_way_wins_over_the_cancel(system: System):
    await system.ready(heartbeat=0.2, lease=2)
    enough = system.folder / "enough"
    told = {"seconds": 600, "file": str(enough), "effects": str(system.effects)}
    (job,) = await system.submit("rig.stubborn", told)
    await system.started()
    await system.store.jobs.cancel([job], "test")
    await eventually_async(lambda: system.effect_lines("ignored"))
    enough.touch()
    assert (await system.state(job, State.COMPLETED, State.CANCELLED)).state is State.COMPLETED


async def test_a_cancelled_job_never_starts(system: System):
    (job,) = await system.submit("rig.sleep", {"seconds": 0, "effects": str(system.effects)})
    await system.store.jobs.cancel([job], "test")
    await system.ready()
    await system.result("demo.echo", "after it")
    assert (await system.job(job)).state is State.CANCELLED
    assert not system.effect_lines("start")
