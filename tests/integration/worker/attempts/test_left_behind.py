"""What a handler leaves behind when it has returned: its attempt is completed, and other jobs go on."""

import signal
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System

from corral.job.state import State

RIGS = "tests.integration.worker.handlers.rig_jobs,tests.integration.worker.handlers.rig_left_behind"


@pytest.mark.parametrize("what", ["thread_of_the_loop", "deaf_task", "exiting_task", "open_generator"])
async def test_a_coroutine_in_a_process_ends_as_it_ended_whatever_it_leaves(system: System, what: str):
    await system.ready(handlers=RIGS, slots_process=1)
    for _ in range(2):
        job = await system.result("rig.left_process", {"what": what})
        assert (job.state, job.result, job.attempt) == (State.COMPLETED, "done", 1), job.error


@pytest.mark.parametrize("what", ["close_stderr", "close_descriptors", "no_stderr"])
async def test_a_worker_without_its_streams_works_on_and_writes_its_log(system: System, what: str):
    worker = await system.ready(handlers=RIGS)
    assert (await system.result("rig.child_sleep", {"seconds": 0})).state is State.COMPLETED, (
        "a child is there"
    )
    assert (await system.result("rig.left_async", {"what": what})).result == "done"
    assert (await system.result("demo.echo", "works on")).result == "works on"
    assert worker.process.poll() is None
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert worker.events("worker.stopped")


async def test_a_timer_that_strikes_again_and_again_keeps_no_job_from_running(system: System):
    worker = await system.ready(handlers=RIGS)
    await system.submit("rig.left_async", {"what": "timer_again_and_again"})
    await eventually_async(lambda: worker.events("timer.stopped") or worker.process.poll() is not None)
    if worker.process.poll() is not None:  # it struck the worker's own code; another one takes its place
        await system.ready()
    assert (await system.result("demo.echo", "works on")).result == "works on"


async def blocked(system: System, what: str) -> UUID:
    """A job that is past its timeout while something blocks the loop that another one has left behind.

    The loop is blocked from the moment on in which the job has started.
    """
    left = await system.result("rig.left_async", {"what": what, "after": str(system.effects)})
    assert left.result == "done"
    neighbour = {"seconds": 600, "effects": str(system.effects)}
    return (await system.submit("rig.sleep", neighbour, timeout=4))[0]


async def test_a_task_left_behind_that_blocks_the_loop_is_interrupted(system: System):
    worker = await system.ready(handlers=RIGS, heartbeat=0.5)
    neighbour = await blocked(system, "task_that_blocks")

    async def failed() -> bool:
        return (await system.job(neighbour)).state is State.FAILED

    await eventually_async(failed, timeout=60)
    assert (await system.result("demo.echo", "works on")).result == "works on"
    assert worker.process.poll() is None


async def test_a_callback_left_behind_that_blocks_the_loop_ends_its_worker_and_no_neighbour(system: System):
    worker = await system.ready(handlers=RIGS, heartbeat=0.5)
    neighbour = await blocked(system, "callback_that_blocks")
    assert await worker.ended() == 75
    (told,) = worker.events("worker.stuck")
    assert "by no job that still runs" in told["why"]
    job = await system.job(neighbour)
    assert (job.state, job.errors) == (State.QUEUED, 0), "it is not to blame"


async def test_what_is_registered_for_the_exit_does_not_keep_the_process(system: System):
    worker = await system.ready(handlers=RIGS)
    assert (await system.result("rig.left_async", {"what": "at_exit"})).result == "done"
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert worker.events("worker.kept")
