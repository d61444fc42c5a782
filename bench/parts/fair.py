"""A million jobs of one key of a limit wait at the head of a queue: do other keys start, and is a queue beside it slower?"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable
from functools import partial

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, pairs
from bench.measuring.customers import calls_one_by_one, queue_calls
from bench.measuring.pairs import Running, Side
from bench.measuring.waiting import until
from bench.parts.idle import at
from bench.section import Section, Table
from bench.servers import Servers

BIG = "the large one"
FEW = 2_000
SECONDS, SHORT = 0.2, 0.05
"""That a call of the large customer takes, and one of another."""
PAUSE = 0.25
"""Seconds between two calls of other customers."""
LAPS, JOBS = 40, 2_000
LIMIT_SECONDS = 60.0
OTHERS = """
SELECT count(*) FILTER (WHERE state = 'completed'), count(*) FROM corral.jobs
WHERE id > %(first)s AND type = 'bench.call' AND payload->>'customer' <> %(big)s
"""
CALLS = """
SELECT payload->>'customer', extract(epoch FROM created_at)::float8, extract(epoch FROM started_at)::float8,
       extract(epoch FROM finished_at)::float8
FROM corral.jobs WHERE queue = 'calls' AND type = 'bench.call' AND state = 'completed'
"""
RINGS = "SELECT count(*) FROM corral.jobs WHERE state = 'running' AND type = 'bench.call'"
TEXT = f"""\
Two installations on the same servers, each with a leader and a worker as shipped: {FEW:,} calls of one customer wait in one,
a million in the other, of a limit that lets two run at once, of one customer or of two (`each=2, total=2`); each takes
{SECONDS:g} s; their payloads differ in length, as a customer's do: rows of one length leave the same space on each page of the
table, and by chance all jobs of another type fit in there, one to a page. Then other customers call, one at a time. What counts is the time from when a slot was free, which both
may use (the first call that ended after theirs was submitted), to their start. Beside it run laps of {JOBS:,} `demo.echo`
jobs in a queue without limits, in turn in both; the ratios are medians, in brackets the interval of 95 per cent. Memory is
the peak of the processes, and what Redis took for the calls."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    counts = {"few": FEW, "many": effort.million}
    redis: dict[str, int] = {}

    def prepare(name: str, place: Servers) -> None:
        before = _used(place)
        queue_calls(Installation(place), {BIG: counts[name]}, SECONDS)
        redis[name] = _used(place) - before
        place.settle()
        say(f"{counts[name]:,} calls wait; Redis took {redis[name]:,} bytes for them")

    sides = [
        Side(f"{count:,} calls wait", leader=True, prepare=partial(prepare, name))
        for name, count in counts.items()
    ]
    with pairs.running(servers, sides) as both:
        few, many = both
        for one in both:
            until(partial(_calls_run, one), seconds=LIMIT_SECONDS, what="the first calls")
        late = {one.side.name: _late(one, effort.idle_posts // 4) for one in both}
        for name, seconds in late.items():
            say(
                f"{name}: another customer starts after {1000 * at(seconds, 0.5):.0f} ms, p99 {1000 * at(seconds, 0.99):.0f} ms"
            )
        pairs.alternate(both, max(4, round(LAPS * effort.share)), JOBS, say)
        rate, cpu = pairs.rate_ratio(many, few), pairs.cpu_ratio(many, few)
        say(f"queue beside: jobs a second {rate.shown}, CPU per job {cpu.shown}")
        peaks = {
            one.side.name: {name: cost.of(child.pid).peak for name, child in one.children.items()}
            for one in both
        }
    growth = max(peaks[many.side.name][name] / peaks[few.side.name][name] for name in peaks[few.side.name])
    return Section(
        title=f"{effort.million:,} jobs of a limited key at the head",
        text=TEXT,
        tables=(
            Table(
                (
                    "",
                    "start after a slot is free, ms",
                    "p99",
                    "most",
                    "worker MiB",
                    "leader MiB",
                    "Redis bytes",
                ),
                tuple(
                    (
                        one.side.name,
                        *(f"{1000 * value:.0f}" for value in _shown(late[one.side.name])),
                        *(f"{peaks[one.side.name][name]:.0f}" for name in ("worker", "leader")),
                        f"{redis[name]:,}",
                    )
                    for name, one in zip(counts, both, strict=True)
                ),
            ),
            Table(
                ("Queue beside it", "jobs/s", "worker µs", "Postgres µs", "Valkey µs", "CPU µs per job"),
                tuple(map(pairs.row, both)),
            ),
            Table(
                ("Ratio of many to few", "median (95 %)"),
                (("jobs/s", rate.shown), ("CPU per job", cpu.shown)),
            ),
        ),
        goals=(
            Goal("fair_start_p99", at(late[many.side.name], 0.99), "<=", 1, "s"),
            Goal("fair_queue_beside", rate.median, ">=", 0.9, "x"),
            Goal("fair_memory", growth, "<=", 1.1, "x"),
            Goal("fair_redis", redis["many"] / effort.million, "<=", 1, "bytes per job"),
        ),
    )


def _used(place: Servers) -> int:
    return int(place.redis().info("memory")["used_memory"])


def _calls_run(one: Running) -> bool:
    row = one.watch.execute(RINGS).fetchone()
    return row is not None and row[0] > 0


def _late(one: Running, count: int) -> list[float]:
    """Seconds from when a slot was free that both may use, to the start of each other customer's call, in order of length."""
    first = one.watch.execute("SELECT uuidv7()").fetchone()
    assert first is not None
    names = [f"customer {number}" for number in range(count)]
    asyncio.run(calls_one_by_one(Installation(one.servers), names, SHORT, PAUSE))
    params = {"first": first[0], "big": BIG}

    def ended() -> bool:
        row = one.watch.execute(OTHERS, params).fetchone()
        return row is not None and row[0] == row[1] == count

    until(ended, seconds=LIMIT_SECONDS, what="the calls of other customers")
    calls = one.watch.execute(CALLS).fetchall()
    ends = sorted(call[3] for call in calls)
    late = []
    for name, created, began, _ in calls:
        if name != BIG:
            free = ends[bisect_right(ends, created)]
            late.append(max(0.0, began - free))
    return sorted(late)


def _shown(values: list[float]) -> tuple[float, float, float]:
    return at(values, 0.5), at(values, 0.99), values[-1]
