"""Workers that die, at every point of a job's way through them."""

import random
import signal

import psutil
import pytest
from tests.faults import invariants
from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.waiting import eventually


def killed_itself(worker: Process) -> None:
    assert worker.wait(60) == -signal.SIGKILL, worker.tail()


def test_a_worker_killed_while_idle_changes_nothing(system: System):
    system.maintenance()
    worker = system.worker()
    worker.kill()
    system.submit(20)
    assert system.live(system.accepted) == {"queued": 20}
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert system.stalled() == 0


def test_jobs_of_a_worker_killed_while_they_run_are_run_by_another(system: System, chance: random.Random):
    system.maintenance()
    worker = system.worker()
    system.submit(30, until="go")
    system.until_running(chance.randint(1, 30))
    worker.kill()
    hit = system.live(system.accepted)["running"]
    assert hit > 0
    system.let_end()  # one after the other: each is a suspect
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert system.stalled() >= hit


def test_jobs_popped_and_not_claimed_come_back(system: System):
    system.maintenance()
    worker = system.worker(rig="kill-before-claim")
    system.submit(200, seconds=0.05)
    killed_itself(worker)
    with system.redis() as client:
        popped = {id.decode() for id in client.zrange("corral:popped:work", 0, -1)}
    queued = {str(id) for id, row in system.jobs().items() if row["state"] == "queued"}
    assert popped & queued, "nothing was popped and unclaimed when the worker died"
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)


def test_jobs_claimed_by_a_worker_that_never_learned_of_it_are_run_by_another(system: System):
    system.maintenance()
    worker = system.worker(rig="kill-after-claim")
    system.submit(200, seconds=0.05)
    killed_itself(worker)
    started = {job for job, _ in system.starts()}
    running = [
        id for id, row in system.jobs().items() if row["state"] == "running" and str(id) not in started
    ]
    assert running, "nothing was claimed and not started when the worker died"
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)


def test_a_lost_answer_to_a_claim_costs_no_time_and_no_attempt(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, rig="lose-claim-answer")
    system.submit(200, seconds=0.05)
    eventually(lambda: worker.said("claim.unanswered"))
    assert worker.events("claim.unanswered")[0]["jobs"] > 0
    system.until_ended()
    # The heartbeat would find them too, after ten seconds, and give them back.
    assert {row["attempt"] for row in system.jobs().values()} == {1}
    invariants.check(system)
    invariants.all_completed(system)


def test_an_effect_whose_completion_was_not_written_happens_again_under_its_key(system: System):
    system.maintenance()
    worker = system.worker(rig="kill-before-finish")
    system.submit(200, seconds=0.05)
    killed_itself(worker)
    effects = system.effects()
    done = [id for id, row in system.jobs().items() if row["state"] == "running" and str(id) in effects]
    assert done, "nothing had left its effect and was still running when the worker died"
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert all(row["attempt"] > 1 for row in system.jobs(done).values())


def test_a_completion_that_was_committed_stands_though_its_worker_died_at_once(system: System):
    system.maintenance(lease=4)
    worker = system.worker(lease=4, rig="kill-after-finish")
    system.submit(200, seconds=0.05)
    killed_itself(worker)
    completed = [id for id, row in system.jobs().items() if row["state"] == "completed"]
    assert completed
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert {row["attempt"] for row in system.jobs(completed).values()} == {1}


def test_a_completion_whose_answer_was_lost_is_written_once(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, rig="lose-finish-answer")
    system.submit(200, seconds=0.05)
    eventually(lambda: worker.said("results.held"))
    assert worker.events("results.held")[0]["results"] > 0
    invariants.check(system)
    invariants.all_completed(system)
    assert not worker.said("job.fenced"), worker.events("job.fenced")


def test_a_killed_child_process_costs_its_own_job_one_try(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    hit, spared = system.submit(2, "faults.child", until="go")
    eventually((system.folder / f"child-{hit}").exists, timeout=30)
    neighbours = system.submit(20, until="go")
    system.until_running(22)
    psutil.Process(int((system.folder / f"child-{hit}").read_text())).kill()
    assert set(system.states(neighbours)) == {"running"}
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    jobs = system.jobs()
    assert {jobs[id]["attempt"] for id in (*neighbours, spared)} == {1}
    assert (jobs[hit]["attempt"], jobs[hit]["errors"], jobs[hit]["stalls"]) == (2, 1, 0)
    assert (
        "SIGKILL"
        in system.rows("SELECT error->>'message' AS m FROM corral.attempts WHERE job = %s", hit)[0]["m"]
    )
    assert worker.alive


@pytest.mark.parametrize("whole_group", [True, False])
def test_nothing_of_a_killed_worker_runs_on(system: System, whole_group: bool):
    system.maintenance()
    worker = system.worker()
    system.submit(2, "faults.child", seconds=60)
    system.until_running(2)
    children = worker.children()
    assert len(children) >= 3  # the fork server and the jobs
    if whole_group:
        worker.send_group(signal.SIGKILL)
    else:
        worker.kill()
    assert system.live(system.accepted)["running"] == 2
    left = psutil.wait_procs(children, timeout=30)[1]
    assert not left, f"run on without their worker: {left}"
    worker.wait(60)
    system.rows(
        "UPDATE corral.jobs SET payload = '{}' WHERE type = 'faults.child'"
    )  # a minute is too long now
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
