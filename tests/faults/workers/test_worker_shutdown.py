"""Workers that are told to stop."""

import signal

from tests.faults import invariants
from tests.faults.system import System
from tests.fixtures.waiting import eventually


def test_sigterm_lets_short_jobs_finish(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, grace=60)
    system.submit(200, until="go")
    running = system.until_running(20)
    worker.send(signal.SIGTERM)
    eventually(lambda: worker.said("worker.stopping"))
    system.let_end()
    assert worker.wait(40) == 0, worker.tail()
    assert system.states(running) == {"completed": len(running)}
    assert "running" not in system.states()
    assert system.states().get("queued", 0) > 0
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert {row["attempt"] for row in system.jobs().values()} == {1}


def test_sigterm_gives_back_what_does_not_finish_within_the_grace(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, grace=1)
    jobs = system.submit(20, seconds=100) + system.submit(2, "faults.child", seconds=100)
    system.until_running(22)
    worker.send(signal.SIGTERM)
    assert worker.wait(30) == 0, worker.tail()
    assert system.states(jobs) == {"queued": 22}
    system.rows("UPDATE corral.jobs SET payload = '{}' WHERE id = ANY(%s)", jobs)
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    rows = system.jobs(jobs).values()
    assert {(row["attempt"], row["releases"], row["errors"], row["stalls"]) for row in rows} == {(2, 1, 0, 0)}


def test_a_second_sigterm_stops_at_once(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, grace=60)
    jobs = system.submit(20, until="go")
    system.until_running(20)
    worker.send(signal.SIGTERM)
    eventually(lambda: worker.said("worker.stopping"))
    assert system.states(jobs) == {"running": 20}
    worker.send(signal.SIGTERM)
    assert worker.wait(30) == 0, worker.tail()
    assert system.states(jobs) == {"queued": 20}
    system.let_end()
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert {(row["attempt"], row["releases"]) for row in system.jobs(jobs).values()} == {(2, 1)}


def test_a_worker_stops_though_both_servers_are_away(system: System):
    system.maintenance()
    worker = system.worker(grace=1)
    jobs = system.submit(10, seconds=30)
    system.until_running(10)
    system.servers.valkey.stop()
    system.servers.postgres.stop()
    worker.send(signal.SIGTERM)
    code = worker.wait(60)
    assert code == 0, worker.tail()
    system.servers.make_whole()
    system.rows("UPDATE corral.jobs SET payload = '{}' WHERE id = ANY(%s)", jobs)
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
