"""Scale-down interrupts nothing: what comes between a worker's seal and its removal. The test is the operator."""

import signal
import sys
import time
from collections.abc import Callable
from uuid import UUID

import pytest
from tests.faults import invariants, servers
from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.waiting import eventually, lasts

from corral.scaling.drain_request import DrainRequest

VICTIM = "corral-worker-io-a"
LOOKS_SECONDS = 4
"""An unsealed worker looks for jobs at least three times in this."""
Fault = Callable[[System], None]


def ask(system: System, *workers: str, nonce: str | None = "n1") -> None:
    """What the operator says every second."""
    requests = {name: DrainRequest(nonce) for name in workers}
    system.client.call(lambda engine: engine.dispatch.drain_requests.write("io", requests))


def sealed(system: System, nonce: str = "n1") -> None:
    """Ask the victim to leave until it has answered."""

    def answered() -> bool:
        ask(system, VICTIM, nonce=nonce)
        return system.client.call(lambda engine: engine.dispatch.drain_requests.seals([VICTIM])) == {
            VICTIM: nonce
        }

    eventually(answered)


def lifted(system: System, worker: Process) -> None:
    """An operator that has forgotten its victim asks nobody to leave: the leader lifts the drain."""

    def heard() -> bool:
        ask(system)
        return worker.said("worker.drain_ended")

    eventually(heard)
    assert system.rows("SELECT drained_by FROM corral.workers WHERE state = 'active'") == [
        {"drained_by": None}
    ]


def wiped(system: System) -> None:
    with system.redis() as client:
        client.flushall()


def restarted_empty(system: System) -> None:
    servers.kill(system.servers.valkey)
    system.servers.valkey.start()
    wiped(system)


def led_by_another(system: System) -> None:
    """The leader dies; another leads and has observed nothing."""
    (leader,) = [part for part in system.parts if part.name.startswith("maintenance")]
    leader.kill()
    system.maintenance()
    wiped(system)


def postgres_restarted(system: System) -> None:
    servers.kill(system.servers.postgres, signal.SIGINT)
    system.servers.postgres.start()
    wiped(system)


def sealed_and_hit(system: System, fault: Fault, rig: str = "") -> tuple[Process, list[UUID]]:
    """The victim is sealed; Redis is wiped, its drain lifted, and jobs arrive."""
    system.maintenance(lease=6)
    victim = system.worker(rig=rig, worker_name=VICTIM, lease=6)
    system.until_ended(system.submit(5))  # it works
    sealed(system)
    fault(system)
    assert system.client.call(lambda engine: engine.dispatch.drain_requests.of(VICTIM)) is None, (
        "the fault did not hit"
    )
    lifted(system, victim)
    return victim, system.submit(20, until="go")


@pytest.mark.parametrize("fault", [wiped, restarted_empty, led_by_another, postgres_restarted])
def test_what_is_forgotten_between_seal_and_removal_interrupts_nothing(system: System, fault: Fault):
    victim, jobs = sealed_and_hit(system, fault)
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: system.states(jobs).get("running"), timeout=LOOKS_SECONDS)
    victim.kill()  # the pod is removed, and hardly asked
    assert system.states(jobs) == {"queued": 20}
    system.worker()
    system.until_running(20)
    assert (system.stalled(), {row["attempt"] for row in system.jobs(jobs).values()}) == (0, {1})


def test_without_the_seal_the_same_interrupts_jobs(system: System):
    """The negative control of the first of these: nothing else is switched off."""
    victim, jobs = sealed_and_hit(system, wiped, rig="no-seal")
    eventually(lambda: system.states(jobs).get("running"))
    victim.kill()
    eventually(lambda: system.stalled() > 0, timeout=60)


def test_a_busy_victim_is_not_sealed_before_its_jobs_are_written(system: System):
    system.maintenance(lease=6)
    victim = system.worker(worker_name=VICTIM, lease=6)
    jobs = system.submit(10, until="go")
    system.until_running(10)

    def drains() -> bool:
        ask(system, VICTIM)
        return victim.said("worker.draining")

    eventually(drains)
    lasts(2, doing=lambda: ask(system, VICTIM))  # it looks every second
    assert not victim.said("worker.sealed")
    system.let_end()
    sealed(system)
    assert system.states(jobs) == {"completed": 10}
    victim.kill()
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert system.stalled() == 0


def test_a_victim_that_is_needed_again_works_within_seconds(system: System):
    """Its heartbeat alone would tell it after a minute."""
    system.maintenance(lease=120)
    victim = system.worker(worker_name=VICTIM, heartbeat=60, lease=120)
    sealed(system)
    began = time.monotonic()
    ask(system)
    system.client.call(lambda engine: engine.dispatch.drain_requests.unseal([VICTIM]))
    jobs = system.submit(5)
    system.until_ended(jobs, seconds=30)
    took = time.monotonic() - began
    assert victim.said("worker.unsealed")
    sys.stdout.write(f"from unsealed to the end of five jobs: {took:.1f} s\n")


def test_wishes_survive_a_wipe_when_they_are_repeated(system: System):
    system.maintenance(lease=6)
    victim = system.worker(worker_name=VICTIM, lease=6)
    sealed(system)
    wiped(system)
    jobs = system.submit(5)
    sealed(system, "n2")
    assert not victim.said("worker.drain_ended")
    assert system.states(jobs) == {"queued": 5}
    other = system.worker()
    system.until_ended(jobs)
    victim.kill()
    other.kill()
