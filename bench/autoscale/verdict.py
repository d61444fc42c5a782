"""What a tournament showed, against what was promised: `GOAL` lines."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.autoscale.frontier import beating, cheapest_as_soon
from bench.autoscale.peers import Naive
from bench.autoscale.pods import ALONE, EACH
from bench.autoscale.reading import Reading, Standing, standing
from bench.autoscale.shape import SHAPES
from bench.autoscale.step_up import overshoot
from bench.autoscale.tournament import (
    DRAINING,
    IDLE,
    MOST,
    ORACLE,
    OURS,
    SILENCE,
    SILENT,
    SMALLEST,
    SOONEST,
    SPIKE_AT,
    WAIT,
)
from bench.goal import Goal
from corral.scaling.signal import LOST_SECONDS

BURSTY = {shape.name for shape in SHAPES if shape.bursty}
HIGH = {shape.name: shape.high for shape in SHAPES if shape.high}
MOST_STEP_OVERSHOOT = 1.5
"""Times what a step soon needs that may be asked for at first, in any run."""
LAST_START = ALONE + EACH * (MOST - 1)
"""Seconds until the last of the maximum of pods claims."""
BURST_AT = {"spike": [SPIKE_AT], "periodic": [100.0 + 200 * n for n in range(6)]}
"""Seconds at which a shape's bursts come."""
NOT_PEERS = {OURS, ORACLE, SMALLEST, DRAINING, SILENT, SOONEST, IDLE}


@dataclass(frozen=True, slots=True)
class Contest:
    """All runs of one shape with pods of so many slots."""

    shape: str
    slots: int
    runs: Mapping[str, Sequence[Reading]]
    """By scaler."""
    ours: Standing = field(init=False)
    peers: Sequence[Standing] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ours", standing(self.runs[OURS]))
        object.__setattr__(
            self, "peers", [standing(runs) for name, runs in self.runs.items() if name not in NOT_PEERS]
        )

    @property
    def naive(self) -> Standing:
        return standing(self.runs[Naive().name])

    @property
    def beaten_by(self) -> list[Standing]:
        return beating(self.ours, self.peers)

    @property
    def equal(self) -> Standing | None:
        """The cheapest gentle peer that waits no longer."""
        return cheapest_as_soon(self.ours, self.peers)

    @property
    def cost_at_equal_wait(self) -> float:
        """Ours over the peer's; 0 where no gentle peer waits as short."""
        return self.ours.cost / self.equal.cost if self.equal else 0.0

    @property
    def wait_allowed(self) -> float:
        return max(WAIT, standing(self.runs[ORACLE]).p95 + LAST_START)

    @property
    def overshoot(self) -> float:
        """The worst peak over what was allowed to that run."""
        times = 2.0 if self.shape in BURSTY else 1.5
        return max(
            run.peak / (times * fewest.peak + 1)
            for run, fewest in zip(self.runs[OURS], self.runs[SMALLEST], strict=True)
        )

    @property
    def step_overshoot(self) -> float:
        """How far a step asked beyond what it soon needed: the worst run."""
        return max(overshoot(run.changes, *HIGH[self.shape]) for run in self.runs[OURS])

    @property
    def more_reversals(self) -> float:
        """Than the naive law, whose window is the same."""
        return self.ours.reversals - self.naive.reversals

    def drained(self, by: str = DRAINING) -> float:
        """The mean time to clear a spike over the oracle's, who has the maximum always."""
        ratios = [
            (run.end - SPIKE_AT) / (oracle.end - SPIKE_AT)
            for run, oracle in zip(self.runs[by], self.runs[ORACLE], strict=True)
        ]
        return sum(ratios) / len(ratios)


def contests(readings: Iterable[Reading]) -> list[Contest]:
    """By slots and shape, in the order they came."""
    runs: dict[tuple[int, str], dict[str, list[Reading]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        runs[reading.slots, reading.shape][reading.scaler].append(reading)
    order = [shape.name for shape in SHAPES]
    ordered = sorted(runs, key=lambda key: (key[0], order.index(key[1]) if key[1] in order else len(order)))
    return [Contest(shape, slots, dict(runs[slots, shape])) for slots, shape in ordered]


def goals(found: Sequence[Contest]) -> Iterator[Goal]:
    """A line per promise and number of slots."""
    for slots in dict.fromkeys(contest.slots for contest in found):
        yield from _goals(slots, {c.shape: c for c in found if c.slots == slots})
    readings = [reading for contest in found for runs in contest.runs.values() for reading in runs]
    ours = [reading for reading in readings if reading.scaler in {OURS, DRAINING, SILENT}]
    firsts = sorted(_first_ups(found))
    yield Goal("autoscale_first_up_p95", firsts[math.ceil(0.95 * len(firsts)) - 1], "<=", 3.0, "s")
    yield Goal("autoscale_interrupted", float(sum(reading.interrupted for reading in ours)), "<=", 0, "jobs")
    silent = [reading for reading in readings if reading.scaler == SILENT]
    yield Goal("autoscale_changes_while_lost", float(sum(map(_while_lost, silent))), "<=", 0, "changes")


def _goals(slots: int, by_shape: Mapping[str, Contest]) -> Iterator[Goal]:
    judged = [by_shape[shape.name] for shape in SHAPES if shape.name in by_shape]
    at = f"slots{slots}"
    ratios = [contest.cost_at_equal_wait for contest in judged]
    yield Goal(f"autoscale_beaten_on_shapes_{at}", float(sum(bool(c.beaten_by) for c in judged)), "<=", 0)
    if slots == 50:
        yield Goal(f"autoscale_cost_at_equal_wait_worst_{at}", max(ratios), "<=", 1.05, "x")
    else:
        cheap = float(sum(ratio <= 0.95 for ratio in ratios))
        yield Goal(f"autoscale_cost_at_equal_wait_shapes_{at}", cheap, ">=", 5, "of 7 shapes")
        yield Goal(f"autoscale_cost_at_equal_wait_worst_{at}", max(ratios), "<=", 1.0, "x")
    waits = max(contest.ours.p95 / contest.wait_allowed for contest in judged)
    yield Goal(f"autoscale_wait_over_allowed_{at}", waits, "<=", 1.0, "x")
    yield Goal(f"autoscale_periodic_cost_{at}", by_shape["periodic"].ours.cost, "<=", 6.0, "x work")
    yield Goal(f"autoscale_spike_drain_over_oracle_{at}", by_shape["spike"].drained(), "<=", 1.12, "x")
    yield Goal(f"autoscale_peak_over_allowed_{at}", max(c.overshoot for c in judged), "<=", 1.0, "x")
    yield Goal(f"autoscale_reversals_above_naive_{at}", max(c.more_reversals for c in judged), "<=", 1.0)
    # With a slot per pod, jobs of a minute are so few at once that chance alone moves their number by as much.
    steps = [by_shape[name] for name in HIGH if name in by_shape and (slots >= 4 or name != "minutes")]
    worst = max(contest.step_overshoot for contest in steps)
    yield Goal(f"autoscale_step_overshoot_{at}", worst, "<=", MOST_STEP_OVERSHOOT, "x")
    if "minutes" in by_shape:
        minutes = by_shape["minutes"]
        yield Goal(f"autoscale_minutes_reversals_above_naive_{at}", minutes.more_reversals, "<=", 0)
        if slots == 50:
            ratio = minutes.cost_at_equal_wait
            yield Goal(f"autoscale_minutes_cost_at_equal_wait_{at}", ratio, "<=", 1.0, "x")
    if slots >= 4:
        most = max(run.reversals for shape in ("step", "ramp", "spike") for run in by_shape[shape].runs[OURS])
        yield Goal(f"autoscale_reversals_plain_{at}", float(most), "<=", 3)


def _first_ups(found: Sequence[Contest]) -> Iterator[float]:
    """Seconds from a burst to the first pods asked for; not where those there were are enough."""
    for contest in found:
        for reading in contest.runs[OURS] if contest.shape in BURST_AT else ():
            for burst in BURST_AT[contest.shape]:
                ups = [at - burst for at, change in reading.changes if change > 0 and 0 <= at - burst < 60]
                yield from ups[:1]


def _while_lost(reading: Reading) -> int:
    since, until = SILENCE[0] + LOST_SECONDS + 1, SILENCE[1]
    return sum(since <= at < until for at, _ in reading.changes)
