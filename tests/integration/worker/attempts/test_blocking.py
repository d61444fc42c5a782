"""Coroutines that block the event loop past their timeout: interrupted, or given up with their worker."""

import os
import signal

import psutil
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System

from corral.job.state import State

RIGS = "tests.integration.worker.handlers.rig_jobs,tests.integration.worker.handlers.rig_blockers"


async def test_a_coroutine_that_blocks_the_loop_past_its_timeout_is_interrupted_where_it_blocks(
    system: System,
):
    worker = await system.ready(handlers=RIGS, heartbeat=0.3, lease=10)
    payload = {"effects": str(system.effects)}
    neighbours = await system.submit("rig.sleep", {**payload, "seconds": 1}, count=2)
    await system.started(2)
    for how in ("sleep", "compute", "lock", "task", "callback"):
        job = await system.result("rig.blocker", {"how": how}, timeout=0.5)
        assert job.error is not None, how
        assert (job.state, job.error["kind"], job.errors) == (State.FAILED, "timeout", 1), (how, job.error)
    for id in neighbours:
        assert (await system.state(id, State.COMPLETED)).attempt == 1
    assert worker.process.poll() is None


async def test_one_that_cannot_be_interrupted_ends_as_its_timeout_with_its_worker(system: System):
    worker = await system.rigged("impatient", handlers=RIGS, heartbeat=0.3, lease=10)
    (neighbour,) = await system.submit("rig.thread_sleep", {"seconds": 600, "effects": str(system.effects)})
    await system.started()
    (job,) = await system.submit("rig.blocker", {"how": "deaf"}, timeout=0.5, retries=1)
    assert await worker.ended() == 75
    assert str(job) in worker.events("worker.stuck")[0]["why"]
    ended = await system.job(job)
    assert (ended.state, ended.errors, ended.stalls) == (State.SCHEDULED, 1, 0)
    assert ended.error is not None
    assert ended.error["kind"] == "timeout"
    assert ".rig_blockers:be_deaf:" in ended.error["place"]
    released = await system.job(neighbour)
    assert (released.state, released.releases, released.stalls) == (State.QUEUED, 1, 0)


async def test_sigterm_is_heard_by_whatever_thread_gets_it(system: System):
    """The kernel gives a signal to another thread than the main one, where that has one already."""
    worker = await system.ready(handlers=RIGS, heartbeat=0.3, lease=10, grace=0.5)
    (job,) = await system.submit("rig.block", {"seconds": 600, "effects": str(system.effects)}, timeout=None)
    await eventually_async(lambda: worker.events("loop.blocked"))
    threads = [one.id for one in psutil.Process(worker.pid).threads() if one.id != worker.pid]
    os.kill(min(threads), signal.SIGTERM)
    assert await worker.ended() == 0
    released = await system.job(job)
    assert (released.state, released.releases, released.stalls) == (State.QUEUED, 1, 0)


async def test_sigterm_is_heard_while_a_handler_blocks_the_loop(system: System):
    worker = await system.ready(handlers=RIGS, heartbeat=0.3, lease=10, grace=0.5)
    (job,) = await system.submit("rig.block", {"seconds": 600, "effects": str(system.effects)}, timeout=None)
    await eventually_async(lambda: worker.events("loop.blocked"))
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    released = await system.job(job)
    assert (released.state, released.releases, released.stalls) == (State.QUEUED, 1, 0)
