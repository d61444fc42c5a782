"""Children of a worker: what handlers do to their process and to its connection, and what becomes of the next job."""

import asyncio
import multiprocessing
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from multiprocessing import forkserver, resource_tracker
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.fixtures.waiting import eventually_async
from tests.unit.worker import rig_processes, rig_streams
from tests.unit.worker.process_rig import Recorded, Rig, files_of, size_of

from corral.job.outcome import ErrorKind
from corral_worker.attempts.handler_call import Died, Ending, Raised, Returned
from corral_worker.child_processes import child_process
from corral_worker.child_processes.child_process import ChildProcess
from corral_worker.child_processes.memory_watch import resident_bytes
from corral_worker.child_processes.processes import MAX_CHILDREN_TRIED, Processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="session")
def fork_server() -> Iterator[None]:
    """Python keeps it for the life of a process, as it does its resource tracker."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(
        ["corral_worker.child_processes.fork_server"]
    )
    forkserver.ensure_running()
    yield
    forkserver._forkserver._stop()
    resource_tracker._resource_tracker._stop()


@pytest.fixture
async def rig(fork_server: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Rig]:
    rig = Rig()
    begin = ChildProcess.__init__

    def noted(self: ChildProcess, *arguments: Any, **how: Any) -> None:
        begin(self, *arguments, **how)
        rig.made.append(self)

    monkeypatch.setattr(ChildProcess, "__init__", noted)
    yield rig
    rig.processes.close()
    await eventually_async(lambda: all(one._gone or one._process is None for one in rig.made), timeout=30)


@pytest.mark.parametrize("by", ["timer", "keyboard", "thread"])
async def test_an_interrupted_call_leaves_the_next_in_step(rig: Rig, by: str):
    line = Recorded()
    assert await rig.result(f"interrupted_by_{by}", line) == 0
    assert line.lines
    pids = {await rig.result("ask") for _ in range(3)}
    assert pids == {rig.made[0]._pid}


@pytest.mark.parametrize("left", ["leave_alarm", "leave_deadly_alarm"])
async def test_a_timer_that_a_handler_left_behind_does_not_strike_the_next(rig: Rig, left: str):
    assert await rig.result(left) == await rig.result("nap")


async def test_a_timer_that_goes_off_while_the_handler_returns_ends_no_child(rig: Rig):
    for _ in range(20):
        ending = await rig.run("alarm_at_once")
        assert isinstance(ending, Returned) or (
            isinstance(ending, Raised) and ending.error.type.endswith("Interrupted")
        )
    assert await rig.result("ask") == rig.made[0]._pid
    assert len(rig.made) == 1


async def test_a_context_that_is_used_after_its_attempt_says_so_and_reaches_no_other_job(rig: Rig):
    first, second = Recorded(), Recorded()
    await rig.result("leave_thread", first)
    late = await rig.result("wait_for_thread", second)
    assert late.keys() == {"log", "progress", "get", "submit", "checkpoint"}
    for said in late.values():
        assert said.startswith(f"Conflict: attempt 1 of job {rig.executions[0].claimed.id} has ended")
    for line in (first, second):
        assert (line.lines, line.percents, line.stored) == ([], [], {})


async def test_a_fork_reaches_neither_the_worker_nor_another_job(rig: Rig):
    line = Recorded()
    assert "not to its forks" in await rig.result("fork_writes", line)
    assert line.lines == []
    assert await rig.result("ask") == rig.made[0]._pid


@pytest.mark.parametrize("how", ["write_nonsense", "write_a_byte"])
async def test_what_is_no_message_ends_the_child_and_no_other_job(rig: Rig, how: str):
    ending = await rig.run(how)
    assert isinstance(ending, Raised), ending
    assert ending.error.type == "ConnectionLost"
    assert "is no message" in ending.error.message
    assert await rig.result("ask") == rig.made[1]._pid


@pytest.mark.parametrize("how", ["close_everything", "close_and_go_on", "close_and_reuse"])
async def test_a_handler_that_closes_every_descriptor_fails_alone_and_at_once(
    rig: Rig, how: str, tmp_path: Path
):
    ending = await rig.run(how, folder=str(tmp_path))
    assert isinstance(ending, Raised), ending
    assert (ending.error.type, "lost its connection" in ending.error.message) == ("ConnectionLost", True)
    assert {size_of(file) for file in files_of(tmp_path)} <= {0}
    assert await rig.result("ask") == rig.made[1]._pid


async def test_messages_larger_than_a_pipe_holds_cross_in_both_directions(rig: Rig):
    text, line = "ü" * 3_000_000, Recorded()
    assert await rig.result("large", line, text=text) == text
    assert line.stored["large"] == b"x" * len(text)


async def test_a_stopped_child_never_makes_the_loop_wait(rig: Rig):
    pid = await rig.result("ask")
    os.kill(pid, signal.SIGSTOP)
    running = rig.start("large", text="x" * 3_000_000)
    ticks = 0
    await asyncio.sleep(0)
    for ticks in range(20):  # noqa: B007
        await asyncio.sleep(0.001)
    assert ticks == 19
    rig.kill()
    assert await asyncio.wait_for(running, 30) == Died(-signal.SIGKILL)
    assert await rig.result("ask") != pid


async def test_processes_that_a_handler_starts_work_as_anywhere(rig: Rig):
    assert await rig.result("pools") == [7, 1, 2, 1, 2, 1, 2]
    assert await rig.result("ask") == rig.made[0]._pid


async def test_threads_of_one_handler_use_its_context_at_once(rig: Rig):
    line = Recorded()
    assert await rig.result("threads", line) == 0
    assert sorted(line.lines) == sorted(f"{number}.{n}" for number in range(6) for n in range(20))


async def test_tasks_of_one_handler_use_its_context_at_once(rig: Rig):
    line = Recorded()
    ending = await asyncio.wait_for(rig.start("", line, declared=rig_processes.coroutine), 60)
    assert ending == Returned("0")
    assert len(line.lines) == 120


async def test_whatever_becomes_of_the_standard_streams_the_job_returns_and_the_next_finds_them(rig: Rig):
    before = await rig.result("streams")
    for how in rig_streams.STREAMS:
        assert await rig.result("disturb_streams", how=how) == "returned", how
        assert await rig.result("streams") == before, how


async def test_programs_that_a_handler_starts_find_no_signal_ignored_or_blocked(rig: Rig):
    found = await rig.result("signals")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        for mask in ("SigIgn", "SigBlk"):
            assert not int(found[mask], 16) & (1 << (number - 1)), (mask, number.name)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def _family(rig: Rig, tmp_path: Path, then: str) -> tuple[asyncio.Task[Ending], list[int]]:
    """A handler that has started a family, and its processes: the handler's own first."""
    file = tmp_path / f"pids-{then}"
    running = rig.start("family", pids=str(file), then=then)
    await eventually_async(
        lambda: len(file.read_text().split()) == 4, timeout=30, ignoring=(FileNotFoundError,)
    )
    return running, [int(pid) for pid in file.read_text().split()]


@pytest.mark.parametrize(
    ("then", "ending"),
    [
        ("sleep", Died(-signal.SIGKILL)),
        ("stop", Died(-signal.SIGKILL)),
        ("exit", Died(3)),
        ("crash", Died(-signal.SIGSEGV)),
    ],
)
async def test_what_a_handler_started_ends_with_its_process_wherever_it_went(
    rig: Rig, tmp_path: Path, then: str, ending: Ending
):
    other = Rig()
    bystander = await asyncio.create_subprocess_exec("/bin/sleep", "60")
    _, neighbours = await _family(other, tmp_path, "return")
    try:
        running, family = await _family(rig, tmp_path, then)
        if then in {"sleep", "stop"}:
            await eventually_async(lambda: len(psutil.Process(family[0]).children(recursive=True)) >= 2)
            rig.kill()
        assert await asyncio.wait_for(running, 30) == ending
        await eventually_async(lambda: all(gone(pid) for pid in family))
        assert bystander.returncode is None
        assert not any(gone(pid) for pid in neighbours)
    finally:
        bystander.kill()
        await bystander.wait()
        other.processes.close()
        await eventually_async(lambda: all(gone(pid) for pid in neighbours))


async def test_what_a_handler_that_returned_left_running_runs_on(rig: Rig, tmp_path: Path):
    running, family = await _family(rig, tmp_path, "return")
    assert await running == Returned(None)
    assert await rig.result("ask") == family[0]
    assert not any(gone(pid) for pid in family)


async def test_a_job_that_is_given_to_a_child_that_has_just_died_runs_in_another(rig: Rig):
    pid = await rig.result("ask")
    os.kill(pid, signal.SIGKILL)
    assert rig.made[0].alive  # nobody has told us yet
    assert await rig.result("ask") not in {None, pid}
    await eventually_async(lambda: gone(pid))


async def test_children_that_all_end_before_they_take_a_job_are_its_error(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(child_process.child, "main", rig_processes.end_at_once)
    assert await rig.run("ask") == Died(3)
    assert len(rig.made) == MAX_CHILDREN_TRIED


async def test_a_reaper_that_does_not_end_is_killed_with_its_child(rig: Rig, tmp_path: Path):
    rig.processes = Processes(1, kill_seconds=0.1)
    pid = await rig.result("ask")
    reaper = psutil.Process(pid).parent()
    assert reaper is not None
    reaper.suspend()
    running = rig.start("wait", file=str(tmp_path / "never"))
    await eventually_async(lambda: rig.processes._running)
    rig.kill()
    assert await asyncio.wait_for(running, 30) == Died(-signal.SIGKILL)
    await eventually_async(lambda: gone(pid))


@pytest.mark.parametrize("do", ["takes", "starts"])
async def test_an_attempt_over_its_memory_fails_by_name_and_its_neighbour_lives(
    rig: Rig, tmp_path: Path, do: str
):
    rig.processes = Processes(2)
    enough = tmp_path / "enough"
    neighbour = rig.start("wait", file=str(enough))
    started = rig.start(do, declared=rig_processes.bounded, megabytes=400)
    async with asyncio.timeout(60):
        over = await started
    assert isinstance(over, Raised)
    assert (over.error.kind, over.error.type) == (ErrorKind.MEMORY, "MemoryLimitExceeded")
    assert re.fullmatch(
        r"used [1-9]\d\d MiB of memory, more than its memory_limit of 100 MiB", over.error.message
    )
    enough.touch()
    assert isinstance(await neighbour, Returned)
    assert isinstance(await rig.start("returns", declared=rig_processes.bounded, megabytes=10), Returned)


async def test_what_has_ended_uses_no_memory():
    assert resident_bytes(os.getpid()) > 10_000_000
    assert resident_bytes(2**22 + 1) == 0
