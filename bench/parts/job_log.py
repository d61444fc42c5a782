"""What a log line at the start and the end of every job costs."""

import statistics
from collections.abc import Callable

from bench.contenders.corral import Corral
from bench.effort import Effort
from bench.goal import Goal
from bench.measuring import race
from bench.section import Section, Table
from bench.servers import Servers

JOBS = 12_000
LAPS = 11
"""The difference is a few per cent, and laps differ by more: the median of many pairs tells it."""
TEXT = """\
The same workers with `CORRAL_LOG_JOBS=all` (a line when a job starts and one when it ends) and with `none`, in turn.
Their log goes to a file. The ratio is the median of the laps' ratios."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    jobs = effort.of(JOBS)
    every = Corral(jobs, {"LOG_JOBS": "all"}, name="CORRAL_LOG_JOBS=all")
    none = Corral(jobs, {"LOG_JOBS": "none"}, name="CORRAL_LOG_JOBS=none")
    results = race.race(servers, [every, none], LAPS if effort.laps > 1 else 2, say)
    ratio = statistics.median(race.ratios(results[every.name], results[none.name]))
    return Section(
        title="Log lines of jobs",
        text=TEXT,
        tables=(
            Table(
                ("Workers", "jobs/s", "CPU ms per job"),
                tuple(
                    (
                        name,
                        f"{result.rate:,.0f}",
                        f"{result.median(lambda lap: 1000 * lap.usage.cpu_per_job):.3f}",
                    )
                    for name, result in results.items()
                ),
            ),
        ),
        goals=(Goal("job_log_all_vs_none", ratio, ">=", 0.97, "x"),),
    )
