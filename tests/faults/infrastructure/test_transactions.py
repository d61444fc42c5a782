"""Submissions in a caller's own transaction: the caller dies, Redis is away, nobody leads (protocol rule 4)."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from tests.faults import invariants, servers
from tests.faults.system import System
from tests.fixtures import programs
from tests.fixtures.waiting import START, eventually

from corral.transaction import TransactionClient

TABLE = "CREATE TABLE IF NOT EXISTS public.orders (id int PRIMARY KEY)"
SHOP = """
import sys, psycopg
from corral.transaction import TransactionClient
connection = psycopg.connect(sys.argv[1])
connection.execute("INSERT INTO public.orders VALUES (1)")
job = TransactionClient().submit(connection, "faults.work", {"seconds": 0})
print(job.id, flush=True)
sys.stdin.readline()
connection.commit()
print("committed", flush=True)
sys.stdin.readline()
"""


@contextmanager
def shop(system: System) -> Iterator["subprocess.Popen[str]"]:
    """A program that has inserted an order and a job, and commits when it is told to."""
    program = subprocess.Popen(
        [sys.executable, "-c", SHOP, system.client.database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=programs.ROOT,
    )
    try:
        yield program
    finally:
        program.kill()
        program.communicate(timeout=START)


def said(program: "subprocess.Popen[str]") -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def go_on(program: "subprocess.Popen[str]") -> None:
    assert program.stdin is not None
    program.stdin.write("\n")
    program.stdin.flush()


def test_a_caller_that_is_killed_before_its_commit_leaves_neither_order_nor_job(system: System):
    system.rows(TABLE)
    system.maintenance()
    system.worker()
    with shop(system) as program:
        assert said(program)
        program.kill()
        program.wait(START)
    gone = "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%%pg_notify%%'"
    eventually(lambda: not system.rows(gone))
    assert system.rows("SELECT count(*) AS n FROM corral.jobs")[0]["n"] == 0
    assert system.rows("SELECT count(*) AS n FROM public.orders")[0]["n"] == 0
    assert not system.starts()
    with shop(system) as program:  # nothing of it is held
        said(program)
        go_on(program)
        assert said(program) == "committed"
        program.kill()  # with its answer on its way
    eventually(lambda: len(system.starts()) == 1)
    invariants.check(system)


def test_a_commit_while_redis_is_away_is_dispatched_when_it_is_back(system: System):
    jobs = TransactionClient()
    maintenance, worker = system.maintenance(), system.worker(lease=6)
    servers.kill(system.servers.valkey)
    eventually(lambda: worker.said("dispatch.away"))
    with psycopg.connect(system.client.database_url) as connection:
        told = jobs.submit_many(connection, [{"type": "faults.work"}] * 50)
    system.accepted.extend(job.id for job in told)
    eventually(lambda: maintenance.said("maintenance.not_enqueued"))
    assert system.states() == {"queued": 50}
    system.servers.valkey.start()
    system.until_ended()
    invariants.check(system)
    invariants.all_completed(system)


def test_a_commit_while_nobody_leads_is_dispatched_by_the_next_leader(system: System):
    jobs = TransactionClient()
    system.worker()
    with psycopg.connect(system.client.database_url) as connection:
        told = jobs.submit_many(connection, [{"type": "faults.work"}] * 50)
    system.accepted.extend(job.id for job in told)
    assert not system.starts()
    system.maintenance()
    system.until_ended()
    invariants.check(system)
    invariants.all_completed(system)
