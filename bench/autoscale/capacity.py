"""How many workers which load takes: the page docs/reference/capacity.md, from the simulator."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.autoscale import limits
from bench.autoscale.ours import Corral
from bench.autoscale.outcome import Cluster, Outcome
from bench.autoscale.pods import ALONE, EACH
from bench.autoscale.shape import Load
from bench.autoscale.simulator import Run
from bench.measuring.child import ROOT
from bench.page import grid
from bench.section import Table

PAGE = ROOT / "docs" / "reference" / "capacity.md"
LOADS = (
    (1.0, 1.0),
    (5.0, 1.0),
    (20.0, 1.0),
    (100.0, 1.0),
    (2.0, 10.0),
    (10.0, 10.0),
    (0.5, 60.0),
    (2.0, 60.0),
)
"""Jobs a second, and mean seconds of one."""
STEADY_SECONDS = 900.0
SETTLED = 240.0
"""Seconds from which on a steady load is measured; three times the longest mean are waited for at least."""
BURSTS = (100, 500, 2000, 10_000)
"""Jobs of a second at once."""
BURST_AT, BURST_MOST, BURST_SLOTS = 200.0, 10, 4
MANY = 400
"""Pods that are enough for every load here."""
SEED = 1


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a burst did to a pool at zero."""

    asked: float
    """Seconds until more pods were asked for."""
    peak: int
    p95: float
    gone: float
    """Seconds until the last job was done."""
    empty: float
    """Seconds until the pool was told to be at zero again."""


def markdown() -> str:
    """The whole page."""
    return "\n\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    yield "# Capacity"
    yield (
        "How many workers a load takes, what wait to expect, and how soon they are there. The figures are the "
        "simulator's (`python -m bench.autoscale page` makes this page), with the start times that were measured on a "
        "node of two cores; [how the law decides](../explanation/autoscaling.md) says where they come from. Yours will "
        "differ where images are pulled first or nodes have to be added."
    )
    yield "## A steady load"
    yield (
        "Jobs arrive at random, so many a second; their times are exponential. Objective: 95 % start within 10 s. "
        "**Busy** is the slots that work on average: jobs a second times seconds of one. Workers are the mean and the "
        "most of ten minutes, with the defaults and no bound that matters."
    )
    yield grid(_steady())
    yield (
        "By hand: workers = (busy + √busy) ÷ slots, rounded up, and at least one. Jobs that are long beside 10 s need the "
        "root, short ones hardly. Set `maxReplicas` to twice that: it is what catches up after a burst."
    )
    yield "## A burst"
    yield (
        f"So many jobs of one second at once, on a pool at zero with at most {BURST_MOST} workers of {BURST_SLOTS} "
        "slots, whose jobs are known from before."
    )
    yield grid(_bursts())
    yield (
        "By hand: seconds = start time + work ÷ workers ÷ slots. A burst never waits for the stabilization window: "
        "workers are asked for within about a second of the signal."
    )
    yield "## Jobs that wait for a limit"
    yield (
        f"Jobs of {limits.MEAN:g} s that all take of one [limit](../how-to/protect-a-provider.md), with at most "
        f"{limits.MOST} workers: more slots than the limit lets work would stay empty, so no more are asked for. "
        "The naive law starts a worker for whatever waits. **Done** compares the time until the last job ended with a "
        f"pool that always has {limits.MOST} workers."
    )
    yield grid(limits.table(list(limits.runs(SEED))))
    yield (
        "By hand: workers = what the limit lets run ÷ slots; of a rate, what it lets start each second times the seconds "
        "of one job ÷ slots, and a few more."
    )
    yield "## How long workers take to start"
    yield (
        "From the order to the first claim, image present: the k-th of those that start at once on a node of two cores. "
        "The law learns this line for each pool."
    )
    yield grid(
        Table(
            ("Started at once", "the last claims after"),
            tuple((str(count), f"{ALONE + EACH * (count - 1):.1f} s") for count in (1, 5, 10, 20)),
        )
    )
    yield "## What one worker and one system can do"
    yield (
        "Slots say how many jobs a worker runs at once, not how many its processor can. "
        "[The benchmarks](benchmarks.md) measure that: the jobs a second of one worker with 50 slots whose jobs do "
        "nothing but return (the most there can be), the CPU of each process per job, and the memory of a worker. "
        "A handler's own CPU comes on top: jobs that compute belong into processes, with as many slots as the worker "
        "has processors; jobs that wait for others may have 50 slots and more."
    )
    yield (
        "Postgres writes every transition, so that it is what a system of many workers is bounded by: divide one core "
        "by the CPU that the benchmarks show for Postgres per job. Connections: each worker takes one for the heartbeat "
        "and a small pool, so that beyond about 50 workers a pooler belongs in front (`CORRAL_DATABASE_DIRECT_URL`)."
    )


def _steady() -> Table:
    rows = []
    for rate, mean in LOADS:
        cells = [f"{rate:g} a second of {mean:g} s", f"{rate * mean:g}"]
        for slots in (4, 50):
            settled = max(SETTLED, 3 * mean)
            outcome = _run(_poisson(rate, mean, settled + STEADY_SECONDS), Cluster(slots, most=MANY))
            pods = [pods for at, pods, _, _ in outcome.samples if settled <= at < settled + STEADY_SECONDS]
            cells += [f"{sum(pods) / len(pods):.1f} ({max(pods)})", f"{outcome.p95:.1f} s"]
        rows.append(tuple(cells))
    columns = ("Load", "busy", "workers of 4 slots (most)", "p95 wait", "of 50 slots (most)", "p95 wait")
    return Table(columns, tuple(rows))


def _bursts() -> Table:
    rows = []
    for jobs in BURSTS:
        one = cleared(jobs)
        rows.append(
            (
                f"{jobs:,} jobs", f"{one.asked:.1f} s", str(one.peak), f"{one.p95:.0f} s", f"{one.gone:.0f} s",
                f"{one.empty:.0f} s",
            )
        )  # fmt: skip
    return Table(
        ("Burst", "asked for after", "workers", "p95 wait", "all done after", "at zero again"), tuple(rows)
    )


def cleared(jobs: int, *, most: int = BURST_MOST, slots: int = BURST_SLOTS) -> Cleared:
    """A burst of one-second jobs on a pool at zero."""
    before = [6.0 * n for n in range(10)]
    arrivals = (*before, *([BURST_AT] * jobs))
    outcome = _run(
        Load(arrivals, (1.0,) * len(arrivals), BURST_AT + 200 + jobs / slots),
        Cluster(slots, least=0, most=most),
    )
    waits = sorted(outcome.waits[len(before) :])
    changes = [(at - BURST_AT, change) for at, change in outcome.changes if at >= BURST_AT]
    there, empty = 0, 0.0
    for at, change in changes:
        there += change
        empty = at if there == 0 else empty
    return Cleared(
        changes[0][0], outcome.peak, waits[int(0.95 * len(waits))], outcome.last_end - BURST_AT, empty
    )


def _run(load: Load, cluster: Cluster) -> Outcome:
    return Run(load, cluster, Corral(), SEED).go(sampled=True)


def _poisson(rate: float, mean: float, seconds: float) -> Load:
    dice = random.Random(f"capacity {rate} {mean}")
    arrivals: list[float] = []
    at = dice.expovariate(rate)
    while at < seconds:
        arrivals.append(at)
        at += dice.expovariate(rate)
    return Load(tuple(arrivals), tuple(dice.expovariate(1 / mean) for _ in arrivals), seconds)
