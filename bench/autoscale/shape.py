"""What arrives: the jobs of one run, with the time each takes."""

import csv
import functools
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.autoscale.gate import Limited

STEP_HIGH, MINUTES_HIGH = (120.0, 420.0), (180.0, 720.0)
"""From which second to which the load of a step is high."""
SERVICE = 3.0
"""Mean seconds of a job, where a shape says nothing else."""
LONGEST = 1200.0
"""Seconds that no job exceeds: a timeout."""


@dataclass(frozen=True, slots=True)
class Load:
    """One run's jobs, in the order of their arrival."""

    arrivals: tuple[float, ...]
    services: tuple[float, ...]
    duration: float
    """Seconds that are paid for, at least."""
    limited: Limited | None = None
    """The limit that every job takes of."""

    @property
    def work(self) -> float:
        return sum(self.services)


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of load."""

    name: str
    title: str
    make: Callable[[random.Random, float], Load]
    """Draws one run; the number is the unit that its loads are multiples of, in jobs that run at once."""
    bursty: bool = False
    """Whether its peak is not known before it comes: overshoot is judged twice as mildly."""
    high: tuple[float, float] | None = None
    """From which second to which its load is high, where it steps up and stays."""

    def draw(self, seed: int, slots: int, most: int) -> Load:
        """One run for at most `most` pods of so many slots: a unit is all their slots, but 15 of a large pod's."""
        return self.make(random.Random(f"{self.name} {seed}"), float(most * min(slots, 15)))


def _exponential(dice: random.Random) -> float:
    return dice.expovariate(1 / SERVICE)


def _log_normal(dice: random.Random) -> float:
    """Mean 3 s, a squared coefficient of variation of 12, one job in eighty above 30 s."""
    sigma = 1.6
    return dice.lognormvariate(math.log(SERVICE) - sigma**2 / 2, sigma)


def _about_a_minute(dice: random.Random) -> float:
    return dice.gammavariate(4, 15)


def _poisson(
    dice: random.Random,
    erlangs: Callable[[float], float],
    *,
    highest: float,
    duration: float,
    service: Callable[[random.Random], float] = _exponential,
    mean: float = SERVICE,
) -> Iterator[tuple[float, float]]:
    """Arrivals by thinning: `erlangs(t)` jobs running at once on average, were there room for all."""
    at = 0.0
    while True:
        at += dice.expovariate(highest / mean)
        if at >= duration:
            return
        if dice.random() * highest <= erlangs(at):
            yield at, min(service(dice), LONGEST)


def _load(jobs: Iterable[tuple[float, float]], duration: float) -> Load:
    ordered = sorted(jobs)
    return Load(tuple(at for at, _ in ordered), tuple(seconds for _, seconds in ordered), duration)


def step(dice: random.Random, unit: float) -> Load:
    low, high = 0.1 * unit, 0.6 * unit
    erlangs = _between(*STEP_HIGH, low, high)
    return _load(_poisson(dice, erlangs, highest=high, duration=600), 600)


def spike(dice: random.Random, _: float) -> Load:
    return _load([*forerunners(dice), *burst(dice, 60, 1000)], 360)


def ramp(dice: random.Random, unit: float) -> Load:
    low, high = 0.05 * unit, 0.7 * unit

    def erlangs(at: float) -> float:
        return low + (high - low) * max(0.0, 1 - abs(at - 330) / 300)

    return _load(_poisson(dice, erlangs, highest=high, duration=660), 660)


def diurnal(dice: random.Random, unit: float) -> Load:
    middle, swing = 0.4 * unit, 0.3 * unit

    def erlangs(at: float) -> float:
        return middle - swing * math.cos(2 * math.pi * at / 1800)

    return _load(_poisson(dice, erlangs, highest=middle + swing, duration=1800), 1800)


def heavy(dice: random.Random, unit: float) -> Load:
    level = 0.4 * unit
    return _load(_poisson(dice, lambda _: level, highest=level, duration=600, service=_log_normal), 600)


def minutes(dice: random.Random, unit: float) -> Load:
    low, high = 0.1 * unit, 0.5 * unit
    jobs = _poisson(
        dice,
        _between(*MINUTES_HIGH, low, high),
        highest=high,
        duration=1080,
        service=_about_a_minute,
        mean=60,
    )
    return _load(jobs, 1080)


def periodic(dice: random.Random, _: float) -> Load:
    bursts = (burst(dice, 100 + 200 * n, 100) for n in range(6))
    return _load([*forerunners(dice), *itertools.chain.from_iterable(bursts)], 1300)


def _between(since: float, until: float, low: float, high: float) -> Callable[[float], float]:
    return lambda at: high if since <= at < until else low


def forerunners(dice: random.Random) -> Iterator[tuple[float, float]]:
    """Ten jobs in the first minute: they tell how long one takes."""
    return ((6.0 * n, _exponential(dice)) for n in range(10))


def burst(dice: random.Random, at: float, jobs: int) -> Iterator[tuple[float, float]]:
    """So many jobs within a twentieth of a second."""
    return ((at + dice.random() * 0.05, _exponential(dice)) for _ in range(jobs))


SHAPES = (
    Shape("step", "a step up, five minutes later down", step, high=STEP_HIGH),
    Shape("spike", "1,000 jobs at once", spike),
    Shape("ramp", "up over five minutes, down over five", ramp),
    Shape("diurnal", "a day in half an hour", diurnal),
    Shape("heavy", "steady, a heavy tail of service times", heavy, bursty=True),
    Shape("minutes", "jobs of about 60 s, a step", minutes, high=MINUTES_HIGH),
    Shape("periodic", "100 jobs every 200 s", periodic, bursty=True),
)


def traced(path: Path) -> Shape:
    """A recorded load: CSV with the columns `arrival` and `service`, both in seconds.

    Raises:
        ValueError: a row is not two numbers of at least 0; says which.
    """
    jobs: list[tuple[float, float]] = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                arrival, service = float(row["arrival"]), float(row["service"])
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}, row {len(jobs) + 2}: arrival and service must be numbers of seconds"
                ) from error
            if not (arrival >= 0 and 0 <= service < math.inf):
                raise ValueError(f"{path}, row {len(jobs) + 2}: {arrival} and {service} must be at least 0")
            jobs.append((arrival, service))
    if not jobs:
        raise ValueError(f"{path} holds no jobs")
    duration = max(arrival for arrival, _ in jobs) + 60
    return Shape(
        path.stem, f"the trace {path.name}", functools.partial(_replay, tuple(jobs), duration), bursty=True
    )


def _replay(jobs: Sequence[tuple[float, float]], duration: float, _dice: random.Random, _unit: float) -> Load:
    return _load(jobs, duration)
