"""What a handler says to its context, in each executor: kept where it can be, told at the caller where not."""

import signal
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.worker.handlers.rig_context import EXECUTORS
from tests.integration.worker.system import System, ended

from corral.job.state import State

RIG = "tests.integration.worker.handlers.rig_context"


@pytest.mark.parametrize("executor", EXECUTORS)
async def test_a_handler_may_log_anything_and_no_line_is_lost(system: System, executor: str):
    worker = await system.ready(handlers=RIG, slots_process=1)
    odd = await system.result(f"rig.say_{executor}", "odd values")
    assert odd.state is State.COMPLETED, odd.error
    lines = await system.store.jobs.logs(odd.id, limit=1_000)
    assert (lines[0].text, lines[-1].text, len(lines)) == ("first", "last", 45)
    assert lines[1].fields == {"value": 2**70}
    assert odd.progress_message is not None
    assert (odd.progress_message[:2], len(odd.progress_message)) == ("\ufffd?", 500)

    erred = await system.result(f"rig.say_{executor}", "logged error")
    (line,) = await system.store.jobs.logs(erred.id)
    assert line.text.startswith("ValueError: as asked\nTraceback (most recent call last):")
    assert ("in raiser", line.fields) == (line.text[line.text.index("in raiser") :][:9], {"tries": 1})

    refused = await system.result(f"rig.say_{executor}", "odd progress")
    assert refused.error is not None
    assert (refused.error["type"], refused.error["message"]) == (
        "builtins.TypeError",
        "the message of progress is a text, not int '5'",
    )
    assert (refused.progress, refused.progress_message) == (30, "before")
    assert [line.text for line in await system.store.jobs.logs(refused.id)] == ["before"]
    assert not worker.events("notes.dropped")


@pytest.mark.parametrize("executor", ["async", "thread"])
async def test_a_context_that_is_used_after_its_attempt_says_so_and_does_nothing(
    system: System, executor: str, tmp_path: Path, database_url: str
):
    await system.ready(handlers=RIG)
    await system.register_types()
    told = tmp_path / "told"
    job = await system.result(f"rig.late_{executor}", str(told))
    await eventually_async(lambda: len(told.read_text().splitlines()) == 5, ignoring=(FileNotFoundError,))
    for line in told.read_text().splitlines():
        assert line.startswith(f"Conflict: attempt 1 of job {job.id} has ended"), line
    with psycopg.connect(database_url) as sql:
        assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (1,)
        assert sql.execute("SELECT count(*) FROM corral.artifacts").fetchone() == (0,)
    assert await system.store.jobs.logs(job.id) == []


@pytest.mark.parametrize("executor", ["async", "thread"])
async def test_one_context_is_used_by_many_at_once(system: System, executor: str):
    await system.ready(handlers=RIG)
    job = await system.result(f"rig.many_{executor}")
    assert job.state is State.COMPLETED, job.error
    said = sorted(line.text for line in await system.store.jobs.logs(job.id))
    assert len(said) == 6
    assert sorted(one.name for one in await system.store.artifacts.list(job.id)) == said


async def test_what_a_process_handler_started_ends_with_a_worker_that_is_killed(
    system: System, tmp_path: Path
):
    worker = await system.ready(handlers=RIG)
    file = tmp_path / "family"
    await system.submit("rig.family", str(file))
    await eventually_async(
        lambda: len(file.read_text().split()) == 3, timeout=60, ignoring=(FileNotFoundError,)
    )
    worker.send(signal.SIGKILL)
    pids = [int(pid) for pid in file.read_text().split()]
    await eventually_async(lambda: all(ended(pid) for pid in pids), timeout=30)
