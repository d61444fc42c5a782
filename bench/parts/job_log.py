"""What a log line at the start and the end of every job costs."""

from collections.abc import Callable

from bench.effort import Effort
from bench.goal import Goal
from bench.measuring import pairs
from bench.measuring.pairs import Side
from bench.section import Section, Table
from bench.servers import Servers

JOBS = 2_000
LAPS = 150
"""Of each side. The difference is a few per cent, and laps differ by more: the median of many pairs tells it."""
LEAST = 0.97
COLUMNS = ("CORRAL_LOG_JOBS", "jobs/s", "worker µs", "Postgres µs", "Valkey µs", "CPU µs per job")
TEXT = f"""\
Two installations on the same servers, each with a worker as shipped and a leader, in laps of {JOBS:,} jobs in turn: one
worker logs a line when a job starts and one when it ends (`all`), the other none. Their logs go to files. The ratio is the
median of the laps' ratios of jobs a second; 95 of 100 such medians lie in the interval in brackets."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    sides = [Side(name, settings={"LOG_JOBS": name}, leader=True) for name in ("all", "none")]
    with pairs.running(servers, sides) as both:
        every, none = both
        pairs.alternate(both, max(6, round(LAPS * effort.share)), JOBS, say)
        rate, cpu = pairs.rate_ratio(every, none), pairs.cpu_ratio(every, none)
        rows = tuple(map(pairs.row, both))
    say(f"jobs a second {rate.shown}, CPU {cpu.shown}")
    return Section(
        title="Log lines of jobs",
        text=TEXT,
        tables=(
            Table(COLUMNS, rows),
            Table(
                ("Ratio", "median (95 %)"),
                (("jobs/s, all to none", rate.shown), ("CPU per job, all to none", cpu.shown)),
            ),
        ),
        goals=(Goal("job_log_all_vs_none", rate.median, ">=", LEAST, "x"),),
    )
