"""Workers that stop for a while, whole or in part."""

import signal

from tests.faults import invariants
from tests.faults.system import System
from tests.fixtures.waiting import eventually


def test_a_worker_frozen_beyond_its_lease_is_fenced_and_registers_anew(system: System):
    system.maintenance(lease=5)
    frozen = system.worker(lease=5)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    frozen.send(signal.SIGSTOP)
    assert system.live(jobs) == {"running": 10}
    system.let_end()
    other = system.worker(lease=5)
    eventually(lambda: system.lost_workers() == 1, timeout=60)
    system.until_ended(jobs)
    frozen.send(signal.SIGCONT)
    eventually(lambda: frozen.said("worker.registered_anew"), timeout=60)
    assert frozen.said("worker.lost")
    invariants.check(system)
    invariants.all_completed(system)
    assert {row["attempt"] for row in system.jobs(jobs).values()} == {2}
    other.kill()
    invariants.work_flows(system)  # through the one that was frozen


def test_a_worker_frozen_within_its_lease_loses_nothing(system: System):
    system.maintenance(lease=8)
    worker = system.worker(lease=8)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    worker.send(signal.SIGSTOP)
    assert system.live(jobs) == {"running": 10}
    silent = "SELECT 1 FROM corral.workers WHERE seen_at < now() - interval '3 seconds'"
    eventually(lambda: system.rows(silent))
    system.let_end()
    worker.send(signal.SIGCONT)
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)
    assert {row["attempt"] for row in system.jobs().values()} == {1}


def test_a_handler_that_blocks_the_loop_beyond_the_lease_costs_no_lease(system: System):
    system.maintenance(lease=5)
    worker = system.worker(lease=5)
    system.submit(10, until="go")
    system.until_running(10)
    (blocking,) = system.submit(1, "faults.block", seconds=7)
    eventually(lambda: worker.said("loop.blocked"))
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    job = system.jobs()[blocking]
    assert (job["finished_at"] - job["started_at"]).total_seconds() > 6, "the loop was not blocked for long"
    assert (system.lost_workers(), system.stalled()) == (0, 0)
    assert "faults/jobs.py" in worker.events("loop.blocked")[0]["stack"]


def test_a_coroutine_that_ignores_its_timeout_keeps_its_slot_and_is_shown(system: System):
    system.maintenance()
    worker = system.worker()
    (deaf,) = system.submit(1, "faults.deaf", until="go")
    system.until_running(1)
    eventually(lambda: worker.said("job.abandoned"), timeout=60)
    assert system.jobs([deaf])[deaf]["attempt"] == 1
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    job = system.jobs()[deaf]
    assert (job["attempt"], job["errors"]) == (2, 1)
    assert system.rows("SELECT error->>'kind' AS k FROM corral.attempts WHERE job = %s", deaf) == [
        {"k": "timeout"}
    ]


def test_a_process_that_never_returns_is_killed_at_its_timeout(system: System):
    system.maintenance()
    system.worker()
    (endless,) = system.submit(1, "faults.endless")
    eventually(system.starts)
    neighbours = system.submit(10, seconds=1)
    invariants.check(system)
    invariants.all_completed(system)
    assert system.jobs()[endless]["errors"] == 1
    assert {row["attempt"] for row in system.jobs(neighbours).values()} == {1}


def test_a_thread_that_never_returns_makes_its_worker_drain_and_its_job_wait_for_that(system: System):
    system.maintenance()
    worker = system.worker(slots_thread=1, grace=30)
    (stuck,) = system.submit(1, "faults.stuck", seconds=120)
    system.until_running(1)
    slow = system.submit(5, until="go")
    system.until_running(6)
    eventually(lambda: worker.said("worker.stuck"), timeout=60)
    system.let_end()
    assert worker.wait(60) == 75, worker.tail()  # EX_TEMPFAIL: start me again
    assert system.states(slow) == {"completed": 5}
    assert not (system.folder / f"returned-{stuck}").exists()
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert system.jobs()[stuck]["attempt"] == 2
