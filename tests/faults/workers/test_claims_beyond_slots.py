"""Workers that claim more than they have slots for: what never began has no trace, whatever happens in between (protocol rule 15)."""

import signal

import pytest
from tests.faults import invariants, witness
from tests.faults.system import System
from tests.fixtures.waiting import eventually

SLOTS = 5
ROUNDS = 12
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'corral-worker%%'
"""


TYPES = pytest.mark.parametrize("type", ["faults.work", "faults.ample"])
"""Without a limit, and with one."""


def mixed(system: System, type: str = "faults.work") -> None:
    """Jobs of one type: quick ones, until a worker takes the type for quick, then some that take their time.

    One quick job more in each round, so that claims reach those that take their time with another remainder:
    where a claim has of them no more than there are slots, nothing is put back.
    """
    for round in range(ROUNDS):
        system.submit(60 + round, type)
        system.submit(10, type, seconds=0.05)


def put_back(system: System) -> int:
    """How often a claim was undone, as the database saw it."""
    return sum(map(witness.was_put_back, system.history()))


@TYPES
@pytest.mark.parametrize("failpoint", ["kill-before-put-back", "kill-after-put-back"])
def test_a_worker_that_dies_about_a_put_back_loses_nothing(system: System, failpoint: str, type: str):
    system.maintenance()
    mixed(system, type)
    worker = system.worker(rig=f"take-for-quick,{failpoint}", slots_async=SLOTS)
    assert worker.wait(60) == -signal.SIGKILL, worker.tail()
    assert put_back(system) > 0
    system.worker(rig="take-for-quick", slots_async=SLOTS)
    invariants.check(system)
    invariants.all_completed(system)


@TYPES
def test_a_put_back_whose_answer_is_lost_is_said_again_and_shows_nothing(system: System, type: str):
    system.maintenance()
    mixed(system, type)
    worker = system.worker(rig="take-for-quick,lose-put-back-answer", slots_async=SLOTS)
    eventually(lambda: worker.said("claim.not_put_back"))
    undisturbed(system)


@TYPES
def test_a_burst_on_several_workers_shows_one_attempt_of_each_job(system: System, type: str):
    system.maintenance()
    mixed(system, type)
    for _ in range(3):
        system.worker(rig="take-for-quick", slots_async=SLOTS)
    undisturbed(system)


def undisturbed(system: System) -> None:
    """Everything ends, with one attempt each, though claims were undone."""
    invariants.check(system)
    invariants.all_completed(system)
    assert put_back(system) > 0
    rows = system.jobs().values()
    assert {(row["attempt"], row["releases"], row["stalls"]) for row in rows} == {(1, 0, 0)}
    assert system.rows("SELECT count(*) AS n FROM corral.attempts") == [{"n": 0}]


@TYPES
def test_connections_that_are_cut_about_put_backs_cost_no_job_and_begin_none_twice(system: System, type: str):
    system.maintenance()
    mixed(system, type)
    for _ in range(2):
        system.worker(rig="take-for-quick", slots_async=SLOTS)
    cuts = 0
    for cut in range(8):
        eventually(lambda cut=cut: len(system.starts()) > cut * 80)
        cuts += len(system.rows(TERMINATE))
    invariants.check(system)
    invariants.all_completed(system)
    assert put_back(system) > 0
    assert cuts > 2
