"""Handlers that do what no handler should."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
from tests.faults import invariants
from tests.faults.system import System
from tests.fixtures.waiting import eventually


def test_whatever_a_process_does_to_itself_is_an_outcome_of_its_job_alone(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    neighbours = system.submit(20, seconds=1)
    deadly = {how: system.submit(1, "faults.child", how=how)[0] for how in DEADLY}
    harmless = {how: system.submit(1, "faults.child", how=how, seconds=3)[0] for how in HARMLESS}
    invariants.check(system)
    invariants.all_completed(system)
    jobs = system.jobs()
    for how, words in DEADLY.items():
        errors = system.rows(
            "SELECT error->>'message' AS m, error->>'type' AS t FROM corral.attempts WHERE job = %s",
            deadly[how],
        )
        assert len(errors) == 1, how
        assert words in f"{errors[0]['t']}: {errors[0]['m']}", how
        assert (jobs[deadly[how]]["attempt"], jobs[deadly[how]]["errors"]) == (2, 1), how
    for job in (*harmless.values(), *neighbours):
        assert jobs[job]["attempt"] == 1
    assert worker.alive


DEADLY = {
    "segfault": "SIGSEGV",
    "exit": "exit code 3",
    "sysexit": "SystemExit",
    "kill": "SIGKILL",
    "base": "KeyboardInterrupt",
}
"""What a child does, and a word that its error must have."""
HARMLESS = ("shout", "fork", "thread")


def test_a_result_that_cannot_be_stored_fails_its_job_alone(system: System):
    system.maintenance(lease=6)
    system.worker(lease=6)
    neighbours = system.submit(30, seconds=0.2)
    junk = {how: system.submit(1, "faults.junk", how=how)[0] for how in JUNK}
    invariants.check(system)
    jobs = system.jobs()
    for how, job in junk.items():
        assert (jobs[job]["state"], jobs[job]["errors"]) == ("failed", 2), how
        assert jobs[job]["error"]["kind"] == "result", how
    assert {jobs[job]["state"] for job in neighbours} == {"completed"}
    assert {jobs[job]["attempt"] for job in neighbours} == {1}


JUNK = ("nan", "surrogate", "nul", "object", "circle", "huge")


def test_a_job_that_takes_all_memory_is_the_one_that_dies(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    (hungry,) = system.submit(1, "faults.child", how="hungry")
    mark = system.folder / f"child-{hungry}"
    eventually(mark.exists, timeout=30)
    neighbours = system.submit(49, until="go")
    system.until_running(50)
    out_of_memory(worker.pid, limit=500 * 2**20)
    assert system.states(neighbours) == {"running": 49}
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    jobs = system.jobs()
    assert {jobs[job]["attempt"] for job in neighbours} == {1}
    assert (jobs[hungry]["attempt"], jobs[hungry]["errors"]) == (2, 1)
    died = system.rows("SELECT error->>'message' AS m FROM corral.attempts WHERE job = %s", hungry)
    assert "memory" in died[0]["m"]
    assert worker.alive


def out_of_memory(worker: int, *, limit: int) -> None:
    """Be the kernel: once the worker's tree holds more than `limit` bytes, kill whom it would."""

    def badness(process: psutil.Process) -> float:
        adjusted = int(Path(f"/proc/{process.pid}/oom_score_adj").read_text())
        return process.memory_info().rss + adjusted / 1000 * psutil.virtual_memory().total

    def tree() -> Iterator[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            yield psutil.Process(worker)
            yield from psutil.Process(worker).children(recursive=True)

    eventually(lambda: sum(one.memory_info().rss for one in tree()) > limit)
    max(tree(), key=badness).kill()


def test_a_poison_job_fails_alone_and_its_neighbours_complete(system: System):
    system.maintenance(lease=4)
    neighbours = system.submit(24, seconds=0.1)
    (poison,) = system.submit(1, "faults.poison", seconds=0.3)
    neighbours += system.submit(25, seconds=0.4)
    deaths = 0
    worker = system.worker(lease=4)
    while system.live([poison]):
        eventually(lambda: not worker.alive or not system.live([poison]), timeout=60)  # noqa: B023
        if not worker.alive:
            deaths += 1
            worker = system.worker(lease=4)
    invariants.check(system)
    jobs = system.jobs()
    assert jobs[poison]["state"] == "failed"
    assert jobs[poison]["stalls"] == jobs[poison]["max_stalls"] + 1 == 3
    assert deaths == 4, "once among its neighbours, then alone until its stalls were used up"
    assert {jobs[job]["state"] for job in neighbours} == {"completed"}
    assert sum(jobs[job]["attempt"] > 1 for job in neighbours) > 0, "no neighbour was hit"
    assert {jobs[job]["stalls"] for job in neighbours} == {0}
