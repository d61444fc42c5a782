"""What handlers do to a worker, and what becomes of their jobs."""

from typing import Any
from uuid import UUID

import psutil
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.system import System, ended

from corral.job.job import Job
from corral.job.state import State
from corral.store import JobFilter

JUNK = ("nan", "inf", "nul", "surrogate", "object", "bytes", "large", "lambda", "deep", "loop")


def error_of(job: Job) -> dict[str, Any]:
    assert job.error is not None, job
    return job.error


async def test_a_job_runs_and_its_result_is_stored(system: System):
    await system.ready()
    job = await system.result("demo.echo", {"a": ["ü", 1, None]})
    assert (job.state, job.result, job.attempt, job.progress) == (
        State.COMPLETED,
        {"a": ["ü", 1, None]},
        1,
        100,
    )


async def test_payload_and_result_go_through_their_models(system: System):
    await system.ready()
    assert (await system.result("rig.typed", {"n": 1})).result == {"n": 2}
    odd_result = error_of(await system.result("rig.typed", {"n": -1}))
    assert odd_result["kind"] == "result"
    odd_payload = error_of(await system.result("rig.typed", {"m": 1}))
    assert (odd_payload["kind"], "Field required" in odd_payload["message"]) == ("payload", True)


async def test_a_type_declared_and_handled_at_once_runs_in_a_process(system: System):
    await system.ready()
    assert (await system.result("rig.single", 2)).result == 3


async def test_a_raised_exception_is_stored_with_its_place_in_the_users_code(system: System):
    await system.ready()
    error = error_of(await system.result("rig.raises", {"what": "value"}))
    assert (error["kind"], error["type"], error["message"]) == (
        "exception",
        "builtins.ValueError",
        "as asked",
    )
    assert error["place"].startswith("tests.integration.worker.handlers.rig_jobs:do_raise:")
    assert "raise ValueError" in error["traceback"]
    assert "corral_worker" not in error["traceback"]


async def test_whatever_a_handler_raises_fails_its_job_alone(system: System):
    worker = await system.ready()
    for what, kind in (
        ("exit", "builtins.SystemExit"),
        ("interrupt", "builtins.KeyboardInterrupt"),
        ("cancelled", "asyncio.exceptions.CancelledError"),
        ("unprintable", "tests.integration.worker.handlers.junk.Unprintable"),
        ("long", "builtins.ValueError"),
        ("odd", "builtins.ValueError"),
    ):
        job = await system.result("rig.raises", {"what": what})
        assert (job.state, error_of(job)["type"]) == (State.FAILED, kind), what
        assert len(str(error_of(job))) < 40_000
    assert worker.process.poll() is None


async def test_retry_waits_as_asked_and_uses_up_the_budget(system: System):
    await system.ready()
    (job,) = await system.submit("rig.raises", {"what": "retry", "after": 3600}, retries=1)
    waiting = await system.state(job, State.SCHEDULED)
    assert waiting.run_at is not None
    assert 3500 < (waiting.run_at - waiting.updated_at).total_seconds() <= 3600
    exhausted = await system.result("rig.raises", {"what": "retry", "after": 0}, retries=0)
    assert exhausted.state is State.FAILED


async def test_discard_fails_at_once_whatever_is_left(system: System):
    await system.ready()
    job = await system.result("rig.raises", {"what": "discard"}, retries=10)
    assert (job.state, job.attempt, error_of(job)["kind"]) == (State.FAILED, 1, "discard")


@pytest.mark.parametrize("job_type", ["rig.junk", "rig.child_junk"])
async def test_a_result_that_json_cannot_hold_fails_its_job_and_not_its_batch(system: System, job_type: str):
    await system.ready()
    junk = {what: (await system.submit(job_type, {"what": what}))[0] for what in JUNK}
    good = await system.submit("demo.echo", "good", count=20)
    for what, one in junk.items():
        job = await system.state(one, State.FAILED, State.COMPLETED, timeout=60)
        assert (job.state, error_of(job)["kind"]) == (State.FAILED, "result"), what
    for one in good:
        assert (await system.state(one, State.COMPLETED)).result == "good"


@pytest.mark.parametrize(("job_type", "seconds"), [("rig.sleep", 0.4), ("rig.child_sleep", 4.5)])
async def test_a_handler_past_its_timeout_is_stopped(system: System, job_type: str, seconds: float):
    """A process has longer: its handler must have left its line by then."""
    await system.ready()
    await system.result(job_type, {"seconds": 0})  # a process has imported the handler then
    job = await system.result(job_type, {"seconds": 60, "effects": str(system.effects)}, timeout=seconds)
    assert (job.state, error_of(job)["kind"]) == (State.FAILED, "timeout")
    assert f"{seconds} s" in error_of(job)["message"]
    assert system.effect_lines("start")
    assert not system.effect_lines("end")


async def test_a_coroutine_that_ignores_its_timeout_keeps_its_slot_and_is_shown(system: System):
    worker = await system.ready(slots_async=5)
    enough = system.folder / "enough"
    told = {"seconds": 600, "file": str(enough), "effects": str(system.effects)}
    (job,) = await system.submit("rig.stubborn", told, timeout=0.2)
    await eventually_async(lambda: worker.events("job.abandoned"))
    assert (await system.job(job)).state is State.RUNNING
    enough.touch()
    await system.state(job, State.FAILED)
    assert error_of(await system.job(job))["kind"] == "timeout"
    assert len(system.effect_lines("start")) == 1


async def test_a_handler_that_blocks_the_loop_keeps_its_lease_and_is_named(system: System):
    worker = await system.ready(heartbeat=0.3, lease=1)
    (job,) = await system.submit("rig.block", {"seconds": 4, "effects": str(system.effects)})
    await system.started()
    (before,) = await system.store.workers.list()
    counter = dict(await system.store.workers.observations())[before.id]
    await eventually_async(
        lambda: _counter_above(system, before.id, counter + 4),
    )
    await eventually_async(lambda: worker.events("loop.blocked"))
    assert "do_block" in worker.events("loop.blocked")[0]["at"]
    assert (await system.state(job, State.COMPLETED)).result == "blocked"


async def _counter_above(system: System, worker: Any, counter: int) -> bool:
    return dict(await system.store.workers.observations())[worker] > counter


async def test_a_child_that_dies_is_an_outcome_with_its_signal_or_code(system: System):
    worker = await system.ready()
    for payload, told in (
        ({"how": "exit", "code": 3}, "exit code 3"),
        ({"how": "signal", "signal": "SIGSEGV"}, "SIGSEGV"),
        ({"how": "signal", "signal": "SIGKILL"}, "SIGKILL; out of memory"),
    ):
        error = error_of(await system.result("rig.child_ends", payload))
        assert (error["kind"], told in error["message"]) == ("exit", True), error
    job = await system.result("rig.child_ends", {"how": "sys.exit", "code": 3})
    assert (job.state, error_of(job)["type"]) == (State.FAILED, "builtins.SystemExit")
    assert (await system.result("rig.child_sleep", {"seconds": 0})).state is State.COMPLETED
    assert worker.process.poll() is None


async def test_a_fork_of_a_handler_that_comes_back_ends_and_sends_nothing(system: System):
    await system.ready()
    for _ in range(3):
        assert (await system.result("rig.child_fork")).result == "I am the child"


async def test_what_a_handler_started_dies_with_its_process(system: System):
    await system.ready()
    await system.result("rig.child_sleep", {"seconds": 0})  # a process has imported the handlers then
    job = await system.result("rig.child_family", {"effects": str(system.effects)}, timeout=4.5)
    assert error_of(job)["kind"] == "timeout"
    fork = int(system.effect_lines("fork")[0][1])
    await eventually_async(lambda: ended(fork))


async def test_children_are_used_again(system: System):
    await system.ready(slots_process=1)
    pids = {(await system.result("rig.child_sleep", {"seconds": 0})).result for _ in range(3)}
    assert len(pids) == 1


async def test_output_without_end_is_not_kept_in_memory(system: System):
    worker = await system.ready()
    before = psutil.Process(worker.pid).memory_info().rss
    assert (await system.result("rig.child_prints", {"megabytes": 200})).result == "printed"
    assert psutil.Process(worker.pid).memory_info().rss - before < 50_000_000


@pytest.mark.parametrize("job_type", ["rig.context", "rig.thread_context", "rig.child_context"])
async def test_the_context_speaks_to_the_worker_from_every_executor(system: System, job_type: str):
    await system.ready()
    job = await system.result(job_type, {})
    assert job.state is State.COMPLETED, job.error
    lines = await system.store.jobs.logs(job.id)
    assert [(line.text, line.fields) for line in lines] == [("hello", {"n": 1})]
    assert [artifact.name for artifact in await system.store.artifacts.list(job.id)] == ["a.txt"]


async def test_a_coroutine_in_a_process_has_an_async_context(system: System):
    worker = await system.ready()
    job = await system.result("rig.child_async", {})
    assert job.state is State.COMPLETED, job.error
    assert job.result["pid"] != worker.pid


async def test_an_attempt_finds_what_the_one_before_left(system: System):
    await system.ready()
    (job,) = await system.submit("rig.context", {"retry": True}, retries=1)
    await system.state(job, State.SCHEDULED)
    await system.store.jobs.run_now([job], "test")
    await system.dispatch.lanes.enqueue([system.entry("rig", job)])
    job = await system.state(job, State.COMPLETED)
    assert (job.result["before"], job.attempt) == ({"step": 1}, 2)


@pytest.mark.parametrize("job_type", ["rig.context", "rig.child_context", "rig.thread_context"])
async def test_a_handler_submits_another_job_and_many_at_once(system: System, job_type: str):
    worker = await system.ready()
    await system.register_types()
    job = await system.result(job_type, {"submit": True, "many": 3})
    assert job.state is State.COMPLETED, (job.error, worker.log_path.read_text())
    child = await system.state(UUID(job.result["child"]), State.COMPLETED)
    assert (child.result, child.created_by) == ({"from": str(job.id)}, f"job:{job.id}")
    many = [await system.state(UUID(one), State.COMPLETED) for one in job.result["many"]]
    assert len({one.id for one in many}) == 3
    assert [(one.result, one.created_by, one.tags) for one in many] == [
        ({"from": str(job.id)}, f"job:{job.id}", ["many"])
    ] * 3


@pytest.mark.parametrize("job_type", ["rig.context", "rig.child_context", "rig.thread_context"])
async def test_what_a_handler_submits_with_a_key_exists_once_however_often_it_is_tried(
    system: System, job_type: str
):
    await system.ready()
    await system.register_types()
    told = {"submit": True, "retry": True, "key": "the echo"}
    (job,) = await system.submit(job_type, told, retries=1)
    await system.state(job, State.SCHEDULED)
    await system.store.jobs.run_now([job], "test")
    await system.dispatch.lanes.enqueue([system.entry("rig", job)])
    ended = await system.state(job, State.COMPLETED)
    assert ended.attempt == 2
    made = (await system.store.jobs.page(JobFilter(type="demo.echo"))).items
    assert [str(one.id) for one in made] == [ended.result["child"]]


async def test_log_lines_beyond_the_cap_are_counted(system: System):
    await system.ready()
    job = await system.result("rig.count_up", {"lines": 5_000})
    lines = await system.store.jobs.logs(job.id, limit=5_000)
    assert len(lines) == 1_001
    assert lines[-1].text == "4,000 further lines were not kept"


async def test_a_type_that_cannot_be_imported_in_the_child_fails_its_job(system: System):
    """The worker knows the type, the child can't import its module: the module does not exist there."""
    worker = await system.ready(
        handlers="tests.integration.worker.handlers.rig_jobs,tests.integration.worker.handlers.rig_hidden"
    )
    job = await system.result("hidden.child", {}, queue="rig")
    assert (job.state, "only in the worker" in error_of(job)["message"]) == (State.FAILED, True)
    assert worker.process.poll() is None


async def test_a_result_that_only_postgres_refuses_fails_its_job_and_not_its_batch(system: System):
    worker = await system.rigged("postgres-refuses-a-result")
    good = await system.submit("demo.echo", "good", count=15)
    (bad,) = await system.submit("demo.echo", "poison")
    good += await system.submit("demo.echo", "good", count=15)
    failed = await system.state(bad, State.FAILED)
    assert (error_of(failed)["kind"], "rigged" in error_of(failed)["message"]) == ("result", True)
    for one in good:
        assert (await system.state(one, State.COMPLETED)).result == "good"
    assert worker.process.poll() is None


async def test_large_results_are_written_in_bounded_batches(system: System):
    await system.ready()
    jobs = await system.submit("rig.large", {"megabytes": 6}, count=30)
    for one in jobs:
        assert len((await system.state(one, State.COMPLETED, timeout=60)).result) == 6_000_000


async def test_a_backoff_that_an_operator_set_counts_in_place_of_the_declared_one(system: System):
    await system.register_types()
    await system.store.types.patch("rig.raises", {"backoff": {"kind": "fixed", "seconds": 5000}}, "ann")
    await system.ready()
    (job,) = await system.submit("rig.raises", {"what": "value"}, retries=1)
    scheduled = await system.state(job, State.SCHEDULED)
    assert scheduled.run_at is not None
    assert (scheduled.run_at - scheduled.updated_at).total_seconds() > 4000
