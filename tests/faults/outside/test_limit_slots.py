"""Programs that hold slots of limits and die, freeze, or lose their publisher: no slot outlives them by more than the lease."""

import signal
import time
from pathlib import Path

import pytest
from tests.faults import invariants
from tests.faults.client import Engine
from tests.faults.infrastructure.test_publisher import Api
from tests.faults.system import System
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import eventually, lasts

from corral.client import Client
from corral.store.limits.leases import LEASE_SECONDS

pytestmark = pytest.mark.timeout(300)

LIMIT = "several"
"""Six jobs of `faults.limited` at once; one for this test."""


@pytest.fixture
def api(system: System) -> Api:
    async def narrow(engine: Engine) -> None:
        await engine.store.database.run(
            "INSERT INTO corral.limit_overrides (limit_name, key, overrides, set_by) VALUES (%(limit)s, '', '{\"total\": 1}', 't')",
            {"limit": LIMIT},
        )

    system.client.call(narrow)
    return Api(system)


def holder(api: Api, log: Path) -> Process:
    """The program, once it holds the slot."""
    connection = api.connection
    environment = programs.environment() | {
        "CORRAL_URL": connection.url,
        "CORRAL_KEY": connection.key or "",
    }
    process = Process(
        "tests.faults.outside.slot_holder", LIMIT, environment=environment, log=log, folder=programs.ROOT
    )
    eventually(lambda: "held" in log.read_text(), timeout=60)
    return process


def test_a_program_that_is_killed_gives_its_slot_back_within_the_lease(system: System, api: Api):
    system.maintenance()
    system.worker(queues="work")
    program = holder(api, system.folder / "holder.log")
    [job] = system.submit(1, "faults.limited")
    lasts(2)
    assert system.states([job]) == {"blocked": 1}, "the program holds the only slot"
    with Client(api.connection) as client:
        [held] = client.limit(LIMIT)["holders"]
        assert held["program"] == "slot_holder"
        [cause] = [one for one in client.get(f"/jobs/{job}/why")["causes"] if one["code"] == "limit-full"]
        assert "the program slot_holder since" in cause["message"]
    program.kill()
    killed = time.monotonic()
    system.until_ended([job], seconds=LEASE_SECONDS + 30)
    assert time.monotonic() - killed <= LEASE_SECONDS + 10, "a lease, and the leader's second"
    invariants.check(system)


def test_a_program_outlives_its_publisher_and_is_told_of_what_it_lost_while_it_was_frozen(
    system: System, api: Api
):
    system.maintenance()
    system.worker(queues="work")
    log = system.folder / "holder.log"
    program = holder(api, log)
    api.part.kill()
    api.start()
    [job] = system.submit(1, "faults.limited")
    lasts(LEASE_SECONDS + 5)
    assert system.states([job]) == {"blocked": 1}, "it was renewed through another publisher"
    program.send(signal.SIGSTOP)
    system.until_ended([job], seconds=LEASE_SECONDS + 30)
    program.send(signal.SIGCONT)
    lasts(2)
    program.send(signal.SIGINT)
    eventually(lambda: not program.alive, timeout=30)
    assert "KeyboardInterrupt" in log.read_text()
    with Client(api.connection) as client:
        eventually(lambda: client.limit(LIMIT)["in_use"] == 0, timeout=30)
    invariants.check(system)
