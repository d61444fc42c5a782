"""What limits and batches cost jobs that use none of them, and what one limit on every job leaves of the throughput."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.jobs import customer
from bench.measuring import pairs
from bench.measuring.customers import queue_calls
from bench.measuring.pairs import Running, Side
from bench.measuring.revision import checkout
from bench.parts.snapshot import snapshot
from bench.section import Section, Table
from bench.servers import Servers

JOBS = 2_000
"""In each lap: some tenths of a second."""
COST_LAPS, RATE_LAPS = 120, 30
"""Of each side, where processor time and where jobs a second are compared."""
MOST = 1.02
LEAST = 0.8
GROUPS, WAITING = 1_000, 10_000
"""Groups and jobs that wait for a paused limit."""
PAUSE = "INSERT INTO corral.limit_overrides (limit_name, key, paused_at, set_by) VALUES (%(limit)s, '', now(), 'bench')"
DELAY = 1_000
"""Microseconds that each commit waits before its sync, whoever else commits."""
LIMITS_CAME = "Limits have tables, and a job says what it takes of them"
BATCHES_CAME = "A handler may get the jobs of its type in batches"
COLUMNS = ("Jobs", "jobs/s", "worker µs", "Postgres µs", "Valkey µs", "CPU µs per job")
TEXT = f"""\
Installations on the same servers at the same time, each with a worker as shipped, in laps of {JOBS:,} jobs in turn. CPU is
that of the worker, of its connections' processes of Postgres, and of Valkey. Ratios are medians of the laps' ratios, and
goals are judged by them; 95 of 100 such medians lie in the interval in brackets. Jobs without limits, which are not handled in batches: `demo.echo`, no
leader. `as it is` is this revision. `without limits` is the same but that nothing is left of limits on the way of such a job:
neither in the pop's script nor in the claim's statement nor in the loop, and no index of limited jobs. `without batches` is
the same but that no type is handled in batches. `limits at work` is the same with {WAITING:,} jobs in {GROUPS:,} groups of
a paused limit in the same lane. `before limits` and `before batches` are the last revisions without them, each with its
own schema, scripts and code; what became cheaper or dearer since for other reasons is in those ratios, too. One limit on
every job: a leader, jobs of one total that is never full, beside jobs without a limit; with commits as they are, with
each sync delayed by {DELAY / 1000:g} ms (`commit_delay`, with `commit_siblings` 0), and while another connection holds a
snapshot of each database."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    """All of it. Where the history of this checkout is cut, the comparisons with revisions are missing."""
    rows: list[tuple[str, ...]] = []
    costs = {
        **_earlier(servers, effort, say, rows),
        **_costs(
            servers,
            {
                "limits_none_vs_without": Side(
                    "without limits", worker="bench.peers.without_limits", prepare=_no_indexes
                ),
                "limits_at_work_vs_none": Side("limits at work", prepare=_limits_at_work),
                "batches_none_vs_without": Side("without batches", worker="bench.peers.without_batches"),
            },
            effort,
            say,
            rows,
        ),
    }
    rates = _rates(servers, effort, say, rows)
    return Section(
        title="Limits",
        text=TEXT,
        tables=(
            Table(COLUMNS, tuple(rows)),
            Table(
                ("Ratio", "of", "median (95 %)"),
                (
                    *((goal, "CPU per job", ratio.shown) for goal, ratio in costs.items()),
                    *((goal, "jobs/s", ratio.shown) for goal, ratio in rates.items()),
                ),
            ),
        ),
        goals=(
            *(Goal(goal, ratio.median, "<=", MOST, "x") for goal, ratio in costs.items()),
            *(Goal(goal, ratio.median, ">=", LEAST, "x") for goal, ratio in rates.items()),
        ),
    )


def _earlier(
    servers: Servers, effort: Effort, say: Callable[[str], None], rows: list[tuple[str, ...]]
) -> dict[str, pairs.Ratio]:
    """This revision beside those before limits and before batches; nothing where the history here is cut."""
    with ExitStack() as stack:
        try:
            limits = stack.enter_context(checkout(LIMITS_CAME, before=True))
            batches = stack.enter_context(checkout(BATCHES_CAME, before=True))
        except RuntimeError as error:
            say(f"not compared with earlier revisions: {error}")
            return {}
        others = {
            "limits_none_vs_before": Side("before limits", tree=limits),
            "batches_none_vs_before": Side("before batches", tree=batches),
        }
        return _costs(servers, others, effort, say, rows)


def _costs(
    servers: Servers,
    others: Mapping[str, Side],
    effort: Effort,
    say: Callable[[str], None],
    rows: list[tuple[str, ...]],
) -> dict[str, pairs.Ratio]:
    """Processor time of a job as it is, to that of each other; of `at work` to that as it is."""
    with pairs.running(servers, [Side("as it is"), *others.values()]) as sides:
        pairs.alternate(sides, max(10, round(COST_LAPS * effort.share)), JOBS, say)
        now, rest = sides[0], dict(zip(others, sides[1:], strict=True))
        found = {
            goal: pairs.cpu_ratio(*((one, now) if goal == "limits_at_work_vs_none" else (now, one)))
            for goal, one in rest.items()
        }
        for goal, ratio in found.items():
            say(f"{goal}: {ratio.shown}")
        rows.extend(map(pairs.row, sides))
    return found


def _rates(
    servers: Servers, effort: Effort, say: Callable[[str], None], rows: list[tuple[str, ...]]
) -> dict[str, pairs.Ratio]:
    """What one limit on every job leaves, as things are, with slow commits, and under a held snapshot."""
    found = {}
    sides = [
        Side("no limit", leader=True),
        Side("one limit on every job", type="bench.limited", leader=True),
    ]
    with pairs.running(servers, sides) as both:
        free, limited = both
        for goal, name, around in (
            ("limits_on_every_job", "", nullcontext()),
            ("limits_on_every_job_slow_commits", ", slow commits", _slow_commits(servers)),
            ("limits_on_every_job_snapshot", ", a snapshot held", _snapshots(both)),
        ):
            for one in both:
                one.laps.clear()
            with around:
                pairs.alternate(both, max(6, round(RATE_LAPS * effort.share)), JOBS, say)
            found[goal] = pairs.rate_ratio(limited, free)
            say(f"{goal}: jobs a second {found[goal].shown}, CPU {pairs.cpu_ratio(limited, free).shown}")
            rows.extend(pairs.row(one, f"{one.side.name}{name}") for one in both)
    return found


def _no_indexes(servers: Servers) -> None:
    """Without the indexes that hold limited jobs alone: each insert and update asks whether a row belongs to them."""
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        connection.execute("DROP INDEX corral.jobs_limited, corral.jobs_limited_running, corral.jobs_counted")


def _limits_at_work(servers: Servers) -> None:
    """Jobs of many groups wait for a limit that is paused, in the same lane."""
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        connection.execute(PAUSE, {"limit": customer.name})
    counts = {f"customer {n}": WAITING // GROUPS for n in range(GROUPS)}
    queue_calls(Installation(servers), counts, 1.0, queue="demo")


@contextmanager
def _slow_commits(servers: Servers) -> Iterator[None]:
    with psycopg.connect(servers.postgres.url, autocommit=True) as connection:
        try:
            connection.execute(f"ALTER SYSTEM SET commit_delay = {DELAY}")
            connection.execute("ALTER SYSTEM SET commit_siblings = 0")
            connection.execute("SELECT pg_reload_conf()")
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET commit_delay")
            connection.execute("ALTER SYSTEM RESET commit_siblings")
            connection.execute("SELECT pg_reload_conf()")


@contextmanager
def _snapshots(both: Sequence[Running]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in both:
            stack.enter_context(snapshot(one.servers.dsn(), "corral.jobs"))
        yield
