"""A snapshot held open under load: a forgotten transaction, a long report, a dump. What may it cost?

While it is open nothing that died since may be removed, so the indexes of what is queued fill with entries of
jobs that are long done.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from bench.child import Child, started
from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.section import Section, Table
from bench.servers import Servers
from corral.job.lane import Lane
from corral.job.priority import Priority

TYPE, LANE = "demo.echo", Lane("demo", Priority.NORMAL)
LOW = 10_000
"""More are queued when fewer wait, so that the worker never runs dry."""
PORTION = 5_000
LOOK = 0.1
FIFTHS = 5
DRY_LIMIT = 60.0
"""Seconds in which what is queued at the end must have run."""
TEXT = """\
Two installations on the same servers at the same time, so that the machine's moods hit both: a worker as shipped and
the maintenance each, with ten thousand `demo.echo` jobs queued at every moment. In one database another connection
holds a snapshot open (REPEATABLE READ, idle in its transaction); a snapshot keeps rows of its own database alone. The
rates are those of each fifth of the time; the ratio compares the last fifths."""

RATES = """
SELECT width_bucket(date_part('epoch', finished_at), %(began)s, %(ended)s, %(parts)s), count(*)
FROM corral.jobs
WHERE state = 'completed' AND finished_at >= to_timestamp(%(began)s) AND finished_at < to_timestamp(%(ended)s)
GROUP BY 1 ORDER BY 1
"""
NOW = "SELECT date_part('epoch', now())"
SIZE = """
SELECT pg_total_relation_size('corral.jobs') / 1048576.0,
       coalesce((SELECT n_dead_tup FROM pg_stat_user_tables WHERE schemaname = 'corral' AND relname = 'jobs'), 0)
"""


@dataclass(frozen=True)
class Run:
    """What came of one installation."""

    name: str
    rates: tuple[float, ...]
    """Jobs a second in each fifth."""
    mebibytes: float
    """Of the table of jobs and its indexes, at the end."""
    dead: int
    """Its dead rows then."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    seconds = effort.snapshot_seconds
    places = {"without": servers, "a snapshot held": servers.beside()}
    runs = _run(places, seconds, held="a snapshot held")
    for run in runs:
        shown = ", ".join(f"{rate:,.0f}" for rate in run.rates)
        say(f"{run.name:<18} {shown} jobs/s; {run.mebibytes:,.0f} MiB, {run.dead:,} dead rows")
    without, held = runs
    fifths = tuple(f"{(number + 1) * seconds / FIFTHS:,.0f} s" for number in range(FIFTHS))
    return Section(
        title=f"A snapshot held open for {seconds:,.0f} s",
        text=TEXT,
        tables=(
            Table(
                ("jobs/s until", *fifths, "jobs, MiB", "dead rows"),
                tuple(
                    (
                        run.name,
                        *(f"{rate:,.0f}" for rate in run.rates),
                        f"{run.mebibytes:,.0f}",
                        f"{run.dead:,}",
                    )
                    for run in runs
                ),
            ),
        ),
        goals=(Goal("snapshot_held_throughput", held.rates[-1] / without.rates[-1], ">=", 0.8, "x"),),
    )


def _run(places: Mapping[str, Servers], seconds: float, *, held: str) -> list[Run]:
    """A fresh installation in each place, all under load for so long, with a snapshot held in one."""
    with ExitStack() as stack:
        running: dict[str, tuple[Installation, psycopg.Connection]] = {}
        children: list[Child] = []
        for name, place in places.items():
            installation = Installation(place)
            place.reset()
            installation.install()
            installation.seed(LOW, TYPE)
            commands = {"maintenance": installation.maintenance(), "worker": installation.worker()}
            children += stack.enter_context(started(commands)).values()
            watch = stack.enter_context(psycopg.connect(place.dsn(), autocommit=True))
            running[name] = (installation, watch)
        for _, watch in running.values():
            _wait_for_the_first(watch, children)
        stack.enter_context(_snapshot(places[held].dsn()))
        began = _one(running[held][1], NOW)
        _feed([installation for installation, _ in running.values()], children, seconds)
        return [_found(name, watch, began, seconds) for name, (_, watch) in running.items()]


def _found(name: str, watch: psycopg.Connection, began: float, seconds: float) -> Run:
    rates = _rates(watch, began, seconds)
    mebibytes, dead = _row(watch, SIZE)
    return Run(name, rates, float(mebibytes), int(dead))


@contextmanager
def _snapshot(dsn: str) -> Iterator[None]:
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT id FROM corral.jobs LIMIT 1")
        yield


def _wait_for_the_first(watch: psycopg.Connection, children: Sequence[Child]) -> None:
    until = time.monotonic() + DRY_LIMIT
    while not _one(
        watch, "SELECT count(*) FROM (SELECT FROM corral.jobs WHERE state = 'completed' LIMIT 1) one"
    ):
        if time.monotonic() > until:
            raise RuntimeError("no job ran")
        _check(children)
        time.sleep(LOOK)


def _feed(installations: Sequence[Installation], children: Sequence[Child], seconds: float) -> None:
    """Keeps both busy for so long.

    Raises: RuntimeError when one ran dry: then it was this process that was measured.
    """
    lists = [installation.servers.redis() for installation in installations]
    name = f"rq:queue:{LANE.name}"
    until = time.monotonic() + seconds
    with ExitStack() as stack:
        feeds = [stack.enter_context(installation.feed(TYPE)) for installation in installations]
        while time.monotonic() < until:
            _check(children)
            waiting = [redis.llen(name) for redis in lists]
            if min(waiting) == 0:
                raise RuntimeError("an installation ran dry: more must be queued beforehand")
            for number, feed in zip(waiting, feeds, strict=True):
                if number < LOW:
                    feed(PORTION)
            if min(waiting) >= LOW:
                time.sleep(LOOK)


def _rates(watch: psycopg.Connection, began: float, seconds: float) -> tuple[float, ...]:
    params = {"began": began, "ended": began + seconds, "parts": FIFTHS}
    counts: dict[int, int] = dict(watch.execute(RATES, params).fetchall())
    return tuple(counts.get(fifth, 0) / (seconds / FIFTHS) for fifth in range(1, FIFTHS + 1))


def _check(children: Sequence[Child]) -> None:
    for child in children:
        child.check()


def _one(connection: psycopg.Connection, statement: str) -> float:
    return float(_row(connection, statement)[0])


def _row(connection: psycopg.Connection, statement: str) -> tuple[float, ...]:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return tuple(row)
