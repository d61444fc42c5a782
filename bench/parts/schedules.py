"""Ten thousand schedules whose ticks come in the same second: how late is the last job?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring.child import Child, started
from bench.measuring.waiting import until
from bench.section import Section, Table
from bench.servers import Servers

SCHEDULES = 10_000
AHEAD = 8
"""Seconds until the tick: the leader has read by then when it is due."""
LIMIT_SECONDS = 120.0
INSERT = """
INSERT INTO corral.schedules (name, source, declared, created_by, last_tick, due_at)
SELECT 's' || n, 'api', json_build_object('type', 'demo.echo', 'queue', 'demo', 'interval', 86400,
       'start', %(tick)s::timestamptz - interval '1 day'), 'bench', %(tick)s::timestamptz - interval '1 day', %(tick)s::timestamptz
FROM generate_series(1, %(count)s) n
"""
DONE = "SELECT count(*), date_part('epoch', max(created_at) - %(tick)s::timestamptz) FROM corral.jobs"
TEXT = f"""\
{SCHEDULES:,} schedules with one tick, a day apart, and a leader beside nothing else. The time is from the tick to the last
job, by the database's clock."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation, late = Installation(servers), []
    for _ in range(effort.laps):
        servers.reset()
        installation.install()
        with (
            started({"maintenance": installation.maintenance()}) as children,
            psycopg.connect(servers.dsn(), autocommit=True) as connection,
        ):
            _leading(connection)
            row = connection.execute(f"SELECT date_trunc('second', now()) + interval '{AHEAD} s'").fetchone()
            assert row is not None
            params = {"tick": row[0], "count": SCHEDULES}
            connection.execute(INSERT, params)
            until(
                partial(_submitted, connection, params, children["maintenance"]),
                seconds=LIMIT_SECONDS,
                what=f"the jobs of {SCHEDULES} schedules",
            )
            found = connection.execute(DONE, params).fetchone()
            assert found is not None
            late.append(float(found[1]))
        say(f"{SCHEDULES:,} schedules of one second: the last job {late[-1]:.2f} s after the tick")
    return Section(
        title="Schedules of one second",
        text=TEXT,
        tables=(
            Table(("Schedules", "last job after the tick, s"), ((f"{SCHEDULES:,}", f"{max(late):.2f}"),)),
        ),
        goals=(Goal("schedules_of_one_second", max(late), "<=", 5, "s"),),
    )


def _submitted(connection: psycopg.Connection, params: dict[str, Any], maintenance: Child) -> bool:
    maintenance.check()
    found = connection.execute(DONE, params).fetchone()
    return found is not None and found[0] >= SCHEDULES


def _leading(connection: psycopg.Connection) -> None:
    """Waits until somebody leads."""
    until(
        lambda: connection.execute("SELECT true FROM corral.leases WHERE holder <> ''").fetchone(),
        seconds=LIMIT_SECONDS,
        what="a leader",
    )
