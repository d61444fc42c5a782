"""Postgres that loses connections, restarts, stays away, locks, or is full of clients."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import psycopg
import pytest
from tests.faults import invariants, servers
from tests.faults.system import System
from tests.fixtures.waiting import eventually, lasts, left_after

from corral.store.workers.reclaiming import RECLAIM

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'corral%%'
"""
OURS = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'corral%%'"


def held(system: System) -> int:
    """Results that workers say they hold for Postgres' return."""
    return max((line["results"] for part in system.parts for line in part.events("results.held")), default=0)


def test_connections_that_are_cut_every_two_seconds_cost_no_job_and_no_lease(system: System):
    system.maintenance(lease=4)
    worker = system.worker(lease=4)
    with system.load(every=0.02, count=10) as load:
        for _ in range(4):
            load.until(20)
            eventually(lambda: system.live(system.accepted).get("running", 0) > 0)
            assert len(system.rows(TERMINATE)) > 2
            lasts(2)
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers(), worker.alive) == (0, 0, True)


def test_a_submission_whose_connection_is_cut_while_it_commits_is_stored_once_or_known_as_unknown(
    system: System,
):
    system.maintenance()
    system.worker()
    cut = 0
    with system.load(every=0, count=50, seconds=0) as load:
        for _ in range(40):
            load.until(50)
            cut += len(
                system.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND application_name = 'faults client' AND state = 'active'"
                )
            )
    assert cut > 0, "no submission was hit"
    invariants.check(system)
    invariants.all_completed(system)
    strangers = system.rows("SELECT id FROM corral.jobs WHERE id <> ALL(%s)", system.accepted)
    assert {row["id"] for row in strangers} <= set(load.unknown), "stored, and the client was told it was not"


def test_postgres_restarted_at_once_loses_nothing_that_it_had_accepted(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    with system.load(every=0.02, count=10) as load:
        load.until(50)
        eventually(lambda: system.live(system.accepted).get("running", 0) > 0)
        servers.kill(system.servers.postgres, signal.SIGQUIT)  # immediate: no checkpoint, no farewell
        system.servers.postgres.start()
        load.until(50, seconds=60)
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers(), worker.alive) == (0, 0, True)


def absent(system: System, seconds: float) -> None:
    """Postgres goes away for so long, with jobs running that end meanwhile and jobs that do not."""
    system.maintenance(lease=4)
    worker = system.worker(lease=4)
    short = system.submit(25, until="away")
    long = system.submit(25, until="back")
    system.until_running(50)
    servers.kill(system.servers.postgres, signal.SIGINT)  # fast: in good order
    back = time.monotonic() + seconds
    system.let_end("away")
    eventually(lambda: system.effects() >= {str(id) for id in short}, timeout=30)
    eventually(lambda: held(system) == 25)
    assert system.client.call(_refused)
    lasts(back - time.monotonic())
    system.servers.postgres.start()
    invariants.work_flows(system)
    system.let_end("back")
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers(), worker.alive) == (0, 0, True)
    assert {row["attempt"] for row in system.jobs([*short, *long]).values()} == {1}


async def _refused(engine) -> bool:
    from corral.errors import Unavailable  # noqa: PLC0415

    try:
        await engine.store.queues.list()
    except Unavailable:
        return True
    return False


def test_postgres_away_for_longer_than_the_lease_stalls_no_healthy_job_and_loses_no_result(system: System):
    absent(system, 6)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_postgres_away_for_a_minute_stalls_no_healthy_job_and_loses_no_result(system: System):
    absent(system, 60)


def test_a_postgres_that_hangs_for_longer_than_the_lease_stalls_no_healthy_job(system: System):
    system.maintenance(lease=4)
    worker = system.worker(lease=4)
    short = system.submit(20, until="hangs")
    system.submit(20, until="back")
    system.until_running(40)
    server = psutil.Process(system.servers.postgres.pid)
    hung = [server, *server.children(recursive=True)]
    for process in hung:
        process.suspend()
    back = time.monotonic() + 6
    system.let_end("hangs")
    eventually(lambda: system.effects() >= {str(id) for id in short}, timeout=30)
    lasts(back - time.monotonic())
    for process in hung:
        process.resume()
    assert {row["state"] for row in system.jobs(short).values()} <= {"running", "completed"}
    invariants.work_flows(system)
    system.let_end("back")
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers(), worker.alive) == (0, 0, True)


def test_a_lock_on_the_jobs_that_outlasts_the_lease_costs_no_healthy_worker(system: System):
    system.maintenance(lease=6)
    system.worker(lease=6)
    jobs = system.submit(10, until="locked") + system.submit(10, until="free")
    system.until_running(20)
    with system.connection() as connection:
        connection.execute("LOCK TABLE corral.jobs IN ACCESS EXCLUSIVE MODE")
        system.let_end("locked")
        eventually(lambda: held(system) > 0)
        # The worst moment to let go is when the leader waits for the lock to take the worker's jobs.
        left_after(lambda: not reclaiming(system), timeout=12)
        connection.rollback()
    invariants.work_flows(system)
    system.let_end("free")
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers()) == (0, 0)
    assert {row["attempt"] for row in system.jobs(jobs).values()} == {1}


def reclaiming(system: System) -> bool:
    """Whether the leader has taken a worker for lost and waits for the lock on its jobs."""
    waiting = """
    SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND application_name = 'corral maintenance' AND starts_with(query, %s)
    """
    return bool(system.rows(waiting, RECLAIM.partition("%(")[0]))


def test_a_server_full_of_other_clients_costs_no_healthy_job(system: System):
    system.maintenance(lease=4)
    worker = system.worker(lease=4)
    jobs = system.submit(20, until="full") + system.submit(20, until="free")
    system.until_running(40)
    with crowd(system) as full:

        def shut_out() -> bool:
            full()
            return bool(system.rows(OURS)[0]["n"] == 0)

        eventually(shut_out)  # who has no connection by now gets none
        system.let_end("full")
        lasts(6, doing=full)
        eventually(lambda: held(system) > 0)
    invariants.work_flows(system)
    system.let_end("free")
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), system.lost_workers(), worker.alive) == (0, 0, True)
    assert {row["attempt"] for row in system.jobs(jobs).values()} == {1}


@contextmanager
def crowd(system: System) -> Iterator[object]:
    """Take every connection that the server has, again and again while it is called."""
    with ExitStack() as stack:
        system.rows("SELECT 1")

        def fill() -> None:
            system.rows(TERMINATE)
            for _ in range(200):
                try:
                    stack.enter_context(psycopg.connect(system.client.database_url, connect_timeout=5))
                except psycopg.OperationalError as error:
                    if "too many clients" in str(error):
                        return
                    raise
            raise AssertionError("the server took 200 clients: it is not full")

        fill()
        yield fill
