"""Handlers that try to end the process: it is their attempt's error, and nobody else's."""

import signal
from uuid import UUID

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.handlers.rig_leavers import BY_NAME
from tests.integration.worker.system import System

from corral.job.state import State

RIGS = "tests.integration.worker.handlers.rig_jobs,tests.integration.worker.handlers.rig_leavers"
HOW = {"exit": "SystemExit: 3", "interrupt": "KeyboardInterrupt"}


@pytest.mark.parametrize("executor", ["async", "thread", "process"])
async def test_whatever_asks_the_process_to_end_ends_its_attempt_alone(system: System, executor: str):
    worker = await system.ready(handlers=RIGS)
    neighbours = await system.submit("rig.sleep", {"seconds": 1, "effects": str(system.effects)}, count=3)
    await system.started(3)
    cases = [(where, how) for where in BY_NAME for how in HOW]
    jobs: dict[tuple[str, str], UUID] = {}
    for where, how in cases:
        (jobs[where, how],) = await system.submit(
            f"rig.leave_{executor}", {"where": where, "how": how}, timeout=20
        )
    ended = {job.id: job for job in await system.all_jobs("rig")}
    for (where, how), id in jobs.items():
        job = ended[id]
        assert job.error is not None, (where, how, job)
        assert (job.state, job.attempt) == (State.FAILED, 1), (where, how, job)
        assert HOW[how] in job.error["message"], (where, how, job.error)
        assert "rig_leavers.py:" in job.error["message"], (where, how, job.error)
    for id in neighbours:
        assert (ended[id].state, ended[id].attempt) == (State.COMPLETED, 1)
    assert worker.process.poll() is None
    assert not worker.events("job.abandoned")


MEDDLING = {
    "stop": "a handler can't stop the event loop",
    "shut_threads": "a handler can't shut down the threads of the event loop",
    "replace_threads": "a handler can't replace the threads of the event loop",
    "close": "Cannot close a running event loop",
    "cancel_all": "CancelledError",
    "cancel_self": "CancelledError",
    "SIGINT": "KeyboardInterrupt: os.kill sent SIGINT",
    "SIGTERM": "SystemExit: os.kill sent SIGTERM",
    "raise_signal": "KeyboardInterrupt: signal.raise_signal sent SIGINT",
    "break_exception_handler": None,
    "break_reader": None,
    "change_loops": None,
    "leave_in_own_thread": None,
    "come_back_from_fork": None,
}
"""What a handler does, and the error that it gets; None where it gets none."""


async def test_what_a_handler_does_to_the_loop_or_the_process_hurts_no_neighbour(system: System):
    worker = await system.ready(handlers=RIGS)
    neighbours = await system.submit("rig.sleep", {"seconds": 2, "effects": str(system.effects)}, count=2)
    neighbours += await system.submit("rig.leave_async", {"where": "together"}, count=2)
    await system.started(2)
    jobs = {what: (await system.submit("rig.leave_meddle", {"what": what}))[0] for what in MEDDLING}
    ended = {job.id: job for job in await system.all_jobs("rig")}
    for what, id in jobs.items():
        job, error = ended[id], MEDDLING[what]
        if error is None:
            assert (job.state, job.result) == (State.COMPLETED, "done"), (what, job.error)
        else:
            assert job.error is not None, what
            assert error in job.error["message"], (what, job.error)
            assert ".rig_leavers:" in job.error["place"], (what, job.error)
    for id in neighbours:
        assert (ended[id].state, ended[id].attempt) == (State.COMPLETED, 1), ended[id].error
    assert worker.process.poll() is None
    told = [line["error"] for line in worker.events("loop.left")]
    assert 1 <= len(told) <= 2, "one for both, where both left the loop in the same turn"
    assert all(said.startswith("SystemExit: 9 (") and "rig_leavers.py:" in said for said in told)
    assert (await system.result("demo.echo", "works on")).result == "works on"


async def test_a_worker_hears_sigterm_whatever_a_handler_makes_of_it(system: System):
    worker = await system.ready(handlers=RIGS)
    assert (await system.result("rig.leave_meddle", {"what": "take_signals"})).result == "done"
    await eventually_async(lambda: len(worker.events("signal.replaced")) == 2)
    assert worker.events("signal.replaced")[0]["by"].startswith(
        "tests.integration.worker.handlers.rig_leavers:take_signals"
    )
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    assert worker.events("worker.stopped")


async def test_threads_that_a_handler_left_behind_do_not_keep_the_process(system: System):
    worker = await system.ready(handlers=RIGS)
    assert (await system.result("rig.leave_meddle", {"what": "leave_threads"})).result == "done"
    assert (await system.result("rig.leave_meddle", {"what": "hold_every_thread"})).result == "done"
    assert (await system.result("rig.child_sleep", {"seconds": 0})).state is State.COMPLETED, "a child starts"
    worker.send(signal.SIGTERM)
    assert await worker.ended(20) == 0
    left = worker.events("worker.threads_left")[0]["threads"]
    assert "left behind" in left
    assert len(left) > 2


async def test_the_log_says_whose_code_ended_the_process(system: System):
    worker = await system.ready(handlers=RIGS)
    (job,) = await system.submit("rig.leave_meddle", {"what": "end_process"})
    assert await worker.ended() == 5
    (told,) = worker.events("worker.ended_by_handler")
    assert (told["by"], told["code"], told["job"]) == ("os._exit", 5, str(job))
    assert told["at"].startswith("tests.integration.worker.handlers.rig_leavers:end_process:")
