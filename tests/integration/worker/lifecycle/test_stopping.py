"""SIGTERM, drains and switches: a worker that stops leaves nothing behind."""

import signal
import socket
import time

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System

from corral.job.state import State
from corral.store import WorkerState


async def test_sigterm_lets_running_jobs_finish(system: System):
    worker = await system.ready(grace=20)
    jobs = [
        (await system.submit(kind, {"seconds": 1, "effects": str(system.effects)}))[0]
        for kind in ("rig.sleep", "rig.thread_sleep", "rig.child_sleep")
    ]
    await system.started(3)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    for job in jobs:
        ended = await system.job(job)
        assert (ended.state, ended.attempt, ended.releases) == (State.COMPLETED, 1, 0)
    assert await system.store.workers.list() == []


async def test_after_sigterm_nothing_is_claimed(system: System):
    worker = await system.ready(grace=20, slots_async=5)
    await system.submit("rig.sleep", {"seconds": 1.5, "effects": str(system.effects)})
    await system.started()
    worker.send(signal.SIGTERM)
    await eventually_async(lambda: worker.events("worker.stopping"))
    (late,) = await system.submit("demo.echo", "late")
    assert await worker.ended() == 0
    job = await system.job(late)
    assert (job.state, job.attempt) == (State.QUEUED, 0)


@pytest.mark.parametrize("kind", ["rig.sleep", "rig.child_sleep", "rig.stubborn", "rig.thread_sleep"])
async def test_what_does_not_finish_within_the_grace_is_given_back(system: System, kind: str):
    worker = await system.ready(grace=0.5)
    (job,) = await system.submit(kind, {"seconds": 60, "effects": str(system.effects)}, timeout=120)
    await system.started()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    given_back = await system.job(job)
    assert (given_back.state, given_back.attempt, given_back.releases, given_back.errors) == (
        State.QUEUED,
        1,
        1,
        0,
    )
    if kind in ("rig.stubborn", "rig.thread_sleep"):
        # It could not be stopped, so the sweep hands it out, once its thread is gone for certain (rule 17).
        assert (await system.dispatch.repair.depths([system.lane("rig")]))[system.lane("rig")].members == 0
    else:
        await system.ready(grace=0)
        await system.started(2)
        assert (await system.job(job)).attempt == 2


async def test_a_second_sigterm_gives_back_at_once(system: System):
    worker = await system.ready(grace=600)
    (job,) = await system.submit("rig.sleep", {"seconds": 300, "effects": str(system.effects)}, timeout=600)
    await system.started()
    worker.send(signal.SIGTERM)
    await eventually_async(lambda: worker.events("worker.finishing"))
    before = time.monotonic()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert time.monotonic() - before < 60, "and not after its grace"
    assert (await system.job(job)).state is State.QUEUED


async def test_a_stopped_worker_says_goodbye(system: System):
    worker = await system.ready()
    (record,) = await system.store.workers.list()
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    stopped = await system.store.workers.get(record.id)
    assert stopped is not None
    assert stopped.state is WorkerState.STOPPED


async def test_a_draining_worker_finishes_and_claims_no_more(system: System):
    worker = await system.ready(heartbeat=0.2, lease=2)
    (running,) = await system.submit("rig.sleep", {"seconds": 1, "effects": str(system.effects)})
    await system.started()
    (record,) = await system.store.workers.list()
    await system.store.workers.drain(record.id, "test")
    (late,) = await system.submit("demo.echo", "late")
    await eventually_async(lambda: worker.events("worker.draining"))
    await system.state(running, State.COMPLETED)
    assert (await system.job(late)).state is State.QUEUED
    assert worker.process.poll() is None
    other = await system.ready()
    await system.state(late, State.COMPLETED)
    other.send(signal.SIGTERM)


async def test_sigterm_while_postgres_is_away_at_the_start(system: System):
    worker = system.start(database_url="postgresql://nobody@127.0.0.1:9/none")
    await eventually_async(lambda: worker.events("worker.waiting"), timeout=60)
    assert worker.events("worker.waiting")[0]["on"] == "postgres"
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0


async def test_a_worker_waits_for_its_schema(system: System, postgres_url: str):
    worker = system.start(database_url=postgres_url)
    await eventually_async(lambda: worker.events("worker.waiting"), timeout=60)
    assert worker.events("worker.waiting")[0]["on"] == "schema"
    assert worker.process.poll() is None


async def test_a_switched_off_worker_says_so_and_ends(system: System):
    worker = system.start(worker_enabled="false")
    assert await worker.ended() == 0
    assert worker.events("worker.disabled")


async def test_a_wrong_declaration_ends_the_worker_with_its_name(system: System):
    worker = system.start(handlers="no.such.module")
    assert await worker.ended() == 2
    assert "no.such.module" in worker.events("worker.refused")[0]["error"]


async def test_a_handlers_module_that_exits_at_import_ends_the_worker_with_its_name_and_line(system: System):
    (system.folder / "leaver.py").write_text("import sys\n\nsys.exit(0)\n")
    worker = system.start(handlers="leaver", pythonpath=system.folder)
    assert await worker.ended() == 2
    error = worker.events("worker.refused")[0]["error"]
    assert (
        error == f"module leaver can't be imported: SystemExit: 0 ({system.folder}/leaver.py:3, in <module>)"
    )


async def test_with_a_quarter_of_the_threads_stuck_the_worker_asks_to_be_started_again(system: System):
    worker = await system.ready(slots_thread=4, grace=1)
    (stuck,) = await system.submit(
        "rig.thread_sleep", {"seconds": 600, "effects": str(system.effects)}, timeout=0.2
    )
    await eventually_async(lambda: worker.events("worker.stuck"), timeout=60)
    assert await worker.ended() == 75
    assert (await system.job(stuck)).state is State.FAILED  # test_timeouts.py: it ends as its timeout


async def test_a_health_port_that_is_taken_ends_the_worker_with_its_number(system: System):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        worker = system.start(worker_port=port)
        assert await worker.ended() == 2
    assert worker.events("health.not_served")[0]["port"] == port
