"""Negative controls: with one guard switched off, the invariant that it protects breaks.

Where chance decides, a control may take up to twenty turns.
"""

import signal

import pytest
from tests.faults import invariants, servers, witness
from tests.faults.infrastructure.test_leader import frozen_before_taking
from tests.faults.system import System
from tests.faults.workers import late_claim
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually, lasts, left_after

TURNS = 20


def test_without_the_fence_a_life_ends_twice(system: System):
    system.maintenance()
    for turn in range(TURNS):
        frozen = system.worker(rig="no-fence", slots_async=10)
        system.submit(10, until=f"go-{turn}")
        system.until_running(10)
        frozen.send(signal.SIGSTOP)
        lost = system.lost_workers()
        system.let_end(f"go-{turn}")
        eventually(lambda: system.lost_workers() > lost, timeout=60)  # noqa: B023
        other = system.worker()
        system.until_ended()
        frozen.send(signal.SIGCONT)
        eventually(lambda: frozen.said("worker.registered_anew"), timeout=60)  # noqa: B023
        frozen.kill()
        other.kill()
        if witness.ended_twice(system.history()):
            break
    with pytest.raises(AssertionError, match="ended twice"):
        invariants.one_ending_per_life(system)


def test_without_the_sweep_what_redis_forgot_never_ends(system: System):
    blind = system.maintenance(rig="no-sweep")
    jobs = system.submit(50)
    with system.redis() as client:
        client.flushall()
    system.worker()
    with pytest.raises(AssertionError, match="not within"):
        system.until_ended(jobs, seconds=20)  # twice what the sweep takes
    assert system.states(jobs) == {"queued": 50}
    blind.send(signal.SIGTERM)  # gives leadership up
    blind.wait(20)
    system.maintenance()
    system.until_ended(jobs)


def test_without_reconciliation_a_claim_nobody_holds_never_ends(system: System, postgres: Proxy):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, rig="no-reconciliation", database_url=postgres.url)
    jobs = late_claim.claimed_behind_its_back(system, worker, postgres)
    with pytest.raises(AssertionError, match="not within"):
        system.until_ended(jobs, seconds=20)  # twice what the heartbeat waits
    assert system.states(jobs) == {"running": 10}
    worker.kill()
    system.worker()
    invariants.check(system)


def test_without_claim_ids_a_lost_answer_costs_ten_seconds_and_an_attempt(system: System):
    """The heartbeat finds such jobs too, so what breaks is the bound: eight seconds, and one attempt each."""
    system.maintenance()
    worker = system.worker(rig="lose-claim-answer,no-claim-id")
    jobs = system.submit(200, seconds=0.05)
    eventually(lambda: worker.said("claim.unanswered"))
    with pytest.raises(AssertionError, match="not within"):
        system.until_ended(jobs, seconds=8)
    assert system.live(jobs)["running"] > 0
    invariants.check(system)
    assert {row["attempt"] for row in system.jobs(jobs).values()} == {1, 2}


def test_without_suspects_a_poison_job_takes_its_neighbours_with_it(system: System):
    system.maintenance(rig="no-suspects")
    neighbours = system.submit(10, seconds=1)
    (poison,) = system.submit(1, "faults.poison", seconds=0.3)
    for _ in range(6):
        worker = system.worker(rig="no-suspects")
        eventually(lambda: not worker.alive or not system.live([poison]), timeout=30)  # noqa: B023
        if worker.alive:
            break
        eventually(lambda: "running" not in system.states(), timeout=20)
    system.until_ended()
    assert system.states([poison]) == {"failed": 1}
    with pytest.raises(AssertionError, match="failed"):
        invariants.all_completed(system)
    assert system.states(neighbours).get("failed", 0) > 0


def test_without_a_new_observation_an_absent_postgres_stalls_healthy_jobs(system: System, postgres: Proxy):
    returned_to_the_leader_first(system, postgres, rig="no-observation")
    eventually(lambda: system.stalled() > 0, timeout=60)


def test_with_a_new_observation_it_does_not(system: System, postgres: Proxy):
    returned_to_the_leader_first(system, postgres)
    invariants.work_flows(system)
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def returned_to_the_leader_first(system: System, postgres: Proxy, rig: str = "") -> None:
    """Postgres goes away for longer than the lease, and when it returns the leader sees it before the worker.

    Its jobs run until the test lets them end.
    """
    system.maintenance(lease=4, rig=rig)
    system.worker(lease=4, database_url=postgres.url)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    assert postgres.cut() > 1
    # The leader has seen the last counter before Postgres goes, and not for a whole lease.
    silent = "SELECT 1 FROM corral.workers WHERE seen_at < now() - interval '2 seconds'"
    eventually(lambda: system.rows(silent))
    servers.kill(system.servers.postgres, signal.SIGINT)
    lasts(4.5)  # much longer, and the leader leads no more
    assert not system.servers.postgres.running
    system.servers.postgres.start()
    eventually(lambda: system.rows(LOOKED) or system.lost_workers(), timeout=60)
    left_after(lambda: not system.lost_workers(), timeout=1)  # what a leader takes that has looked
    postgres.heal()
    assert system.states(jobs) == {"running": 10} or system.lost_workers()


LOOKED = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
AND application_name = 'corral maintenance' AND query LIKE '%%w.counter FROM corral.workers%%'
"""


def test_without_the_counter_a_healthy_worker_loses_its_jobs(system: System):
    frozen_before_taking(system, guards_off=",no-counter")
    eventually(lambda: system.lost_workers() == 1)
    assert system.stalled() > 0
