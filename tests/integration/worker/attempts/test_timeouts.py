"""Handlers past their timeout: it is the error of the attempt, whatever becomes of the handler and of its worker."""

import signal
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System, WorkerProcess

from corral.job.job import Job
from corral.job.state import State
from corral.store import WorkerState

SHORT = {"heartbeat": 0.2, "lease": 4}
"""No shorter: a worker that a busy machine stops for a moment is not to be lost."""
DEAF = ("rig.thread_until", "rig.stubborn")
"""Handlers that can't be stopped: in a thread, and a coroutine that swallows its cancellation."""


async def past_timeout(system: System, job_type: str = "rig.thread_until", **fields: Any) -> UUID:
    """A job that goes on past its timeout, and whose error is written; an impatient worker may have ended it by then."""
    payload = {"effects": str(system.effects), "file": str(system.folder / "enough"), "seconds": 900}
    (job,) = await system.submit(job_type, payload, timeout=0.3, **fields)

    async def written() -> bool:
        return (await system.job(job)).error is not None

    await eventually_async(written, timeout=40)
    return job


def ends_as_its_timeout(job: Job, *, errors: int = 1) -> None:
    assert job.error is not None
    assert (job.error["kind"], job.errors, job.stalls, job.releases) == ("timeout", errors, 0, 0), job


async def impatient(system: System, **settings: Any) -> WorkerProcess:
    return await system.rigged("impatient", **{"grace": 1, **SHORT, **settings})


@pytest.mark.parametrize("job_type", DEAF)
async def test_a_worker_that_gives_up_a_handler_ends_its_job_as_the_timeout(system: System, job_type: str):
    worker = await impatient(system, slots_thread=1, slots_async=1)
    job = await past_timeout(system, job_type)
    assert await worker.ended() == 75
    ended = await system.job(job)
    ends_as_its_timeout(ended)
    assert ended.state is State.FAILED
    assert "rig_jobs:do_" in ended.error["place"], "where it hung"  # type: ignore[index]
    assert len(system.effect_lines("start")) == 1
    (kept,) = await system.store.jobs.attempts(job)
    assert (kept.outcome, (kept.error or {})["kind"]) == ("failed", "timeout")


async def test_it_is_tried_again_only_when_the_worker_has_ended_for_certain(system: System):
    worker = await impatient(system, slots_thread=1)
    job = await past_timeout(system, retries=1)
    assert await worker.ended() == 75
    waiting = await system.job(job)
    ends_as_its_timeout(waiting)
    assert waiting.state is State.SCHEDULED
    assert waiting.run_at is not None
    assert waiting.run_at - waiting.updated_at >= timedelta(seconds=5)


async def test_a_worker_that_is_killed_leaves_the_timeout_as_the_error(system: System):
    await system.maintained(**SHORT)
    worker = await system.ready(**SHORT)
    job = await past_timeout(system)
    worker.send(signal.SIGKILL)
    ends_as_its_timeout(await system.state(job, State.FAILED))


async def test_a_worker_that_loses_its_lease_leaves_the_timeout_as_the_error(system: System):
    await system.maintained(**SHORT)
    worker = await system.ready(**SHORT)
    job = await past_timeout(system)
    (record,) = await system.store.workers.list()
    worker.send(signal.SIGSTOP)
    ends_as_its_timeout(await system.state(job, State.FAILED))
    worker.send(signal.SIGCONT)
    await eventually_async(lambda: worker.events("worker.registered_anew"), timeout=40)
    (system.folder / "enough").touch()
    await eventually_async(lambda: system.effect_lines("end"))
    lost = await system.store.workers.get(record.id)
    assert lost is not None
    assert lost.state is WorkerState.LOST
    ends_as_its_timeout(await system.job(job))
    assert (await system.result("demo.echo", "works on")).result == "works on"


async def test_sigterm_ends_an_abandoned_handler_as_its_timeout(system: System):
    worker = await impatient(system, grace=600)
    job = await past_timeout(system)
    await eventually_async(lambda: worker.events("job.abandoned"))
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    ended = await system.job(job)
    assert ended.state is State.FAILED
    ends_as_its_timeout(ended)


async def test_a_cancel_of_a_handler_past_its_timeout_is_a_cancel(system: System):
    worker = await impatient(system)
    job = await past_timeout(system)
    await system.store.jobs.cancel([job], "test")
    await eventually_async(lambda: worker.events("job.abandoned"))
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert (await system.job(job)).state is State.CANCELLED


async def test_a_cancelled_handler_that_goes_on_is_cancelled_when_its_worker_stops(system: System):
    worker = await impatient(system)
    payload = {"effects": str(system.effects), "file": str(system.folder / "enough")}
    (job,) = await system.submit("rig.thread_until", payload)
    await system.started()
    await system.store.jobs.cancel([job], "test")
    await eventually_async(lambda: worker.events("job.abandoned"))
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    ended = await system.job(job)
    assert (ended.state, ended.errors) == (State.CANCELLED, 0)


async def test_a_draining_worker_with_nothing_but_abandoned_handlers_starts_anew(system: System):
    worker = await impatient(system)
    job = await past_timeout(system)
    (record,) = await system.store.workers.list()
    await system.store.workers.drain(record.id, "test")
    assert await worker.ended() == 75
    assert "drains" in worker.events("worker.stuck")[0]["why"]
    ends_as_its_timeout(await system.job(job))


async def test_a_suspect_past_its_end_does_not_hold_its_worker_for_ever(system: System):
    await system.maintained(**SHORT)
    first = await system.ready(**SHORT)
    payload = {"effects": str(system.effects), "file": str(system.folder / "enough")}
    (job,) = await system.submit("rig.thread_until", payload, timeout=60, retries=0)
    await system.started()
    first.send(signal.SIGKILL)
    await system.state(job, State.QUEUED)
    await system.store.database.run("UPDATE corral.jobs SET timeout = 0.3")  # of its second attempt
    second = await impatient(system)
    assert await second.ended() == 75
    assert "suspect" in second.events("worker.stuck")[0]["why"]
    ended = await system.job(job)
    assert (ended.state, ended.errors, ended.stalls, ended.attempt) == (State.FAILED, 1, 1, 2)
    assert (ended.error or {})["kind"] == "timeout"


async def test_an_abandoned_handler_does_not_keep_a_suspect_from_its_worker(system: System):
    worker = await impatient(system)
    job = await past_timeout(system)
    suspect = await system.suspect("rig.sleep", {"seconds": 0})
    assert await worker.ended() == 75
    assert "suspect waits" in worker.events("worker.stuck")[0]["why"]
    ends_as_its_timeout(await system.job(job))
    await system.ready()
    await system.state(suspect, State.COMPLETED)


async def test_a_thread_that_returns_after_its_timeout_has_timed_out(system: System):
    worker = await impatient(system)
    job = await past_timeout(system)
    await eventually_async(lambda: worker.events("job.abandoned"))
    (system.folder / "enough").touch()
    ends_as_its_timeout(await system.state(job, State.FAILED))
    assert system.effect_lines("end")
    assert worker.process.poll() is None


async def test_timeouts_strike_while_workers_are_suspended(system: System):
    await system.ready()
    await system.result("rig.child_sleep", {"seconds": 0})  # a process has imported the handler then
    payload = {"effects": str(system.effects), "seconds": 60}
    jobs = [
        (await system.submit(job_type, payload, timeout=3))[0]
        for job_type in ("rig.sleep", "rig.child_sleep")
    ]
    await system.started(2)
    with redis.Redis.from_url(system.redis_url) as client:
        client.set("rq:suspended", 1)
    for job in jobs:
        ends_as_its_timeout(await system.state(job, State.FAILED))
