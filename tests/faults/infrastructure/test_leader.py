"""Leaders that die, freeze, or are two."""

import random
import signal

from tests.faults import invariants
from tests.faults.system import System
from tests.fixtures.waiting import eventually

LEASE = "SELECT holder, term FROM corral.leases WHERE name = 'leader'"
BEAT = "SELECT beat FROM corral.leases WHERE name = 'leader'"
COUNTERS = "SELECT counter FROM corral.workers WHERE state = 'active'"


def test_a_killed_leader_is_replaced(system: System):
    leader = system.maintenance()
    other = system.maintenance(leads=False)
    worker = system.worker()
    jobs = system.submit(5, until="go")
    system.until_running(5)
    leader.kill()
    worker.kill()
    assert system.live(jobs) == {"running": 5}
    system.let_end()
    system.worker()
    eventually(lambda: other.said("leadership.taken"), timeout=60)
    invariants.check(system)
    invariants.all_completed(system)


def test_a_frozen_leader_is_replaced_and_does_not_act_when_it_wakes(system: System):
    frozen = system.maintenance()
    other = system.maintenance(leads=False)
    worker = system.worker()
    jobs = system.submit(5, until="go")
    system.until_running(5)
    frozen.send(signal.SIGSTOP)
    worker.kill()
    assert system.live(jobs) == {"running": 5}
    system.let_end()
    system.worker()
    eventually(lambda: other.said("leadership.taken"), timeout=60)
    system.until_ended(jobs)
    (reign,) = system.rows(LEASE)
    with system.redis() as client:
        client.flushall()  # something to do, for whoever leads
    frozen.send(signal.SIGCONT)
    eventually(lambda: frozen.said("leadership.lost"), timeout=20)
    invariants.check(system)
    invariants.all_completed(system)
    assert system.rows(LEASE) == [reign]
    acted = ("job.reclaimed", "sweep.enqueued_again", "sweep.full_pass", "worker.lost")
    began = frozen.events("leadership.taken")[0]["timestamp"]
    woken = frozen.events("leadership.lost")[0]["timestamp"]
    assert not [event for name in acted for event in frozen.events(name) if event["timestamp"] > woken]
    assert began < woken


def test_two_leaders_double_the_work_and_never_its_effects(system: System, chance: random.Random):
    leaders = [system.maintenance(rig="lead-always", leads=False) for _ in range(2)]
    eventually(lambda: all(leader.said("sweep.full_pass") for leader in leaders), timeout=30)
    swept = [len(leader.events("sweep.full_pass")) for leader in leaders]
    worker = system.worker()
    with system.load(every=0.02, count=10) as load:
        load.until(50)
        eventually(lambda: system.wiped_with_jobs("work"))
        eventually(
            lambda: all(
                len(leader.events("sweep.full_pass")) > before
                for leader, before in zip(leaders, swept, strict=True)
            ),
            timeout=30,
        )
        load.until(chance.randint(10, 100))
        held = system.submit(5, until="go")
        eventually(lambda: system.live(held) == {"running": 5})
        worker.kill()
        assert system.live(held) == {"running": 5}
        system.let_end()
        system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert all(leader.alive for leader in leaders)


def test_a_leader_that_froze_before_it_took_a_worker_spares_it_if_it_lives(system: System):
    frozen_before_taking(system)
    before = system.rows(BEAT)
    eventually(lambda: system.rows(BEAT) != before)  # it goes on, from where it froze
    system.let_end()
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def frozen_before_taking(system: System, *, guards_off: str = "") -> None:
    """A worker is silent for a lease; the leader freezes before it takes it; the worker wakes first.

    Its jobs run until the test lets them end.
    """
    leader = system.maintenance(lease=5, rig=f"freeze-before-reclaim{guards_off}")
    worker = system.worker(lease=5)
    system.submit(5, until="go")
    system.until_running(5)
    worker.send(signal.SIGSTOP)
    eventually(lambda: leader.frozen, timeout=20)
    before = system.rows(COUNTERS)
    worker.send(signal.SIGCONT)
    eventually(lambda: system.rows(COUNTERS) != before)
    leader.send(signal.SIGCONT)
