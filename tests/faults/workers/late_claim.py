"""A claim that is committed after its worker has given it up: the case that only the heartbeat can find."""

from uuid import UUID

from tests.faults.system import System
from tests.fixtures.process import Process
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually

CLAIMING = """
SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND query LIKE '%%picked%%'
"""


def claimed_behind_its_back(system: System, worker: Process, postgres: Proxy) -> list[UUID]:
    """Jobs that run under `worker`, which asked what it had claimed and heard: nothing.

    Its claim waits for a lock while its connection is cut; the server does not notice, and commits later.
    """
    with system.connection() as connection:
        connection.execute("SELECT 1 FROM corral.workers FOR UPDATE")
        jobs = system.submit(10)
        eventually(lambda: system.rows(CLAIMING))
        assert postgres.cut() > 1
        eventually(lambda: worker.said("claim.unanswered"))
        with system.redis() as client:
            client.set("rq:suspended", 1)  # no second claim before the first one is through
        postgres.heal()
        eventually(lambda: not told_nothing(system))
        connection.rollback()
    eventually(lambda: system.states(jobs) == {"running": 10})
    with system.redis() as client:
        client.delete("rq:suspended")
    assert not system.starts()
    return jobs


def told_nothing(system: System) -> bool:
    """Whether ids are still popped: the worker gives them back once it knows that it claimed none."""
    with system.redis() as client:
        return bool(client.zcard("corral:popped:work"))
