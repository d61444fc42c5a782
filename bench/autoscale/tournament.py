"""Every scaler under every load."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from bench.autoscale.ours import Corral
from bench.autoscale.outcome import Cluster
from bench.autoscale.peers import Fixed, Soonest, grid
from bench.autoscale.reading import Reading
from bench.autoscale.shape import Load, Shape
from bench.autoscale.simulator import Run, Scaler

MOST = 20
"""Pods of a pool."""
SLOTS = (1, 4, 50)
OURS, ORACLE, SMALLEST, DRAINING, SILENT = "Corral", "always the maximum", "smallest", "drain 1 s", "silent"
SOONEST, IDLE = "asks as the burst comes", "always one pod"
SPIKE_AT = 60.0
"""Second at which the thousand jobs come."""
WAIT = 10.0
SILENCE = (250.0, 330.0)
"""Seconds of the step, amidst its high load, without any signal."""


@dataclass(frozen=True, slots=True)
class Heat:
    """One load: every scaler runs it, with the same dice."""

    shape: Shape
    slots: int
    seed: int
    quick: bool

    @property
    def load(self) -> Load:
        return self.shape.draw(self.seed, self.slots, MOST)


def seeds(first: int, count: int) -> list[int]:
    """Drawn from one number."""
    dice = random.Random(first)
    return [dice.randrange(1_000_000) for _ in range(count)]


def readings(heats: Sequence[Heat], say: Callable[[str], None]) -> list[Reading]:
    """All runs of all heats, two processes at once."""
    found: list[Reading] = []
    longest_first = sorted(heats, key=lambda heat: (-heat.slots, heat.shape.name != "diurnal"))
    with ProcessPoolExecutor(2) as pool:
        for number, (heat, runs) in enumerate(
            zip(longest_first, pool.map(run_heat, longest_first), strict=True)
        ):
            found += runs
            if number % 7 == 6 or number + 1 == len(heats):
                say(f"{number + 1} of {len(heats)} loads; last {heat.shape.name}, slots {heat.slots}")
    return found


def run_heat(heat: Heat) -> list[Reading]:
    """Every scaler's run of one load."""
    load = heat.load
    return [
        *(_read(heat, load, scaler, name) for scaler, name in _entered(heat)),
        *_fixed(heat, load),
    ]


def _entered(heat: Heat) -> Iterator[tuple[Scaler, str]]:
    yield Corral(), OURS
    if heat.shape.name == "spike":
        yield Corral(drain=1.0), DRAINING
        yield Soonest(SPIKE_AT, MOST), SOONEST
    if heat.shape.name == "periodic" and heat.slots >= 50:
        yield Fixed(1), IDLE
    if heat.shape.name == "step":
        yield Corral(silent=SILENCE), SILENT
    for peer in grid(heat.slots, quick=heat.quick):
        yield peer, peer.name


def _read(heat: Heat, load: Load, scaler: Scaler, name: str, at_first: int | None = None) -> Reading:
    run = Run(load, Cluster(heat.slots, most=MOST), scaler, heat.seed, at_first=at_first)
    return Reading.of(
        run.go(), run, heat.shape.name, heat.seed, name, with_changes=isinstance(scaler, Corral)
    )


def _fixed(heat: Heat, load: Load) -> Iterable[Reading]:
    """The oracle, and the fewest pods with which 95 % of the jobs start in time (or all of them)."""
    low, high = 1, MOST
    oracle = best = _read(heat, load, Fixed(MOST), ORACLE, MOST)
    while low < high:
        middle = (low + high) // 2
        tried = _read(heat, load, Fixed(middle), SMALLEST, middle)
        if tried.p95 <= WAIT:
            high, best = middle, tried
        else:
            low = middle + 1
    return oracle, replace(best, scaler=SMALLEST, peak=low)
