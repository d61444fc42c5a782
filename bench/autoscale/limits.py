"""Whether the law knows limits: it asks for no worker that one leaves idle, and is no slower where none binds."""

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.autoscale.gate import Limited
from bench.autoscale.ours import Corral
from bench.autoscale.outcome import Cluster, Outcome
from bench.autoscale.peers import Fixed, Naive
from bench.autoscale.shape import SHAPES, Load, burst, forerunners
from bench.autoscale.simulator import Run, Scaler
from bench.goal import Goal
from bench.section import Table

SLOTS = (1, 4, 50)
MOST = 60
"""Pods: more than any of these limits lets work."""
CONCURRENT, BACKLOG = 25, 4000
RATE, RATE_BURST = 10, 1000
AT = 60.0
"""Second at which the jobs come."""
NO_LIMIT = 100_000
"""A limit that never binds."""
SAFE = 3.0
"""Square roots of the jobs that run at once, for those that run by chance beyond the mean."""
MEAN = 3.0


@dataclass(frozen=True, slots=True)
class LimitRun:
    """One load with a limit, under the law and under what always has the most pods."""

    name: str
    slots: int
    ours: Outcome
    always: Outcome
    naive: Outcome
    fewest: int
    """The pods whose slots the limit can fill."""
    reasons: Sequence[str]

    @property
    def later(self) -> float:
        """How long until all is done, over the same with the most pods."""
        return (self.ours.last_end - AT) / (self.always.last_end - AT)


def backlog_before_a_limit(seed: int) -> Load:
    """4,000 jobs of 3 s at once, of which a limit lets 25 run."""
    return _burst(seed, BACKLOG, Limited(running=CONCURRENT))


def burst_before_a_rate(seed: int) -> Load:
    """1,000 jobs of 3 s at once, of which a rate lets 10 start each second."""
    return _burst(seed, RATE_BURST, Limited(starts=RATE, per=1.0))


def _burst(seed: int, jobs: int, limited: Limited) -> Load:
    dice = random.Random(f"limit {seed}")
    both = sorted([*forerunners(dice), *burst(dice, AT, jobs)])
    return Load(tuple(at for at, _ in both), tuple(seconds for _, seconds in both), AT, limited)


def runs(seed: int, slots: Sequence[int] = SLOTS) -> Iterator[LimitRun]:
    """Both loads for each number of slots."""
    loads: tuple[tuple[str, Callable[[int], Load], float], ...] = (
        ("limit", backlog_before_a_limit, CONCURRENT),
        ("rate", burst_before_a_rate, RATE * MEAN + SAFE * math.sqrt(RATE * MEAN)),
    )
    for (name, load, most), per_pod in itertools.product(loads, slots):
        corral = Corral()
        yield LimitRun(
            name, per_pod, _run(load(seed), corral, per_pod, seed), _run(load(seed), Fixed(MOST), per_pod, seed, MOST),
            _run(load(seed), Naive(), per_pod, seed), math.ceil(most / per_pod), [why for _, _, _, why in corral.reasons],
        )  # fmt: skip


def _run(load: Load, scaler: Scaler, slots: int, seed: int, at_first: int | None = None) -> Outcome:
    return Run(load, Cluster(slots, most=MOST), scaler, seed, at_first=at_first).go(sampled=True)


def unbound(seed: int, slots: Sequence[int] = SLOTS) -> Iterator[float]:
    """The p95 wait of every shape with a limit that never binds, less that of the same without one; seconds."""
    for shape, per_pod in itertools.product(SHAPES, slots):
        load = shape.draw(seed, per_pod, 20)
        with_limit = replace(load, limited=Limited(running=NO_LIMIT))
        waits = [Run(one, Cluster(per_pod), Corral(), seed).go().p95 for one in (load, with_limit)]
        yield waits[1] - waits[0]


def goals(found: Sequence[LimitRun], slower: float) -> Iterator[Goal]:
    """A line per promise about limits."""
    for one in found:
        at = f"{one.name}_slots{one.slots}"
        yield Goal(f"autoscale_{at}_idle_pods", float(max(0, one.ours.peak - one.fewest)), "<=", 0, "pods")
        yield Goal(f"autoscale_{at}_done_over_always_most", one.later, "<=", 1.1, "x")
    yield Goal("autoscale_unbound_limit_slower", slower, "<=", 0.25, "s")


def table(found: Sequence[LimitRun]) -> Table:
    """What became of both loads."""
    return Table(
        ("Load", "slots", "peak", "that the limit can fill", "done, against always 60", "peak of the naive law", "cost", "of the naive law"),
        tuple(
            (
                TITLES[one.name], str(one.slots), str(one.ours.peak), str(one.fewest), f"{one.later:.2f} x",
                str(one.naive.peak), f"{one.ours.cost:.2f}", f"{one.naive.cost:.2f}",
            )
            for one in found
        ),
    )  # fmt: skip


TITLES = {
    "limit": f"{BACKLOG:,} jobs, a limit of {CONCURRENT}",
    "rate": f"{RATE_BURST:,} jobs, a rate of {RATE} each second",
}
