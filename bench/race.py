"""Laps of contenders in turn: A B C, A B C, A B C, so that a slow minute of the machine hits all."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench import cost
from bench.child import Child, Command, started
from bench.servers import Servers

LAP_LIMIT = 240.0
"""Seconds after which a lap has failed."""
POLL = 0.25
"""Seconds between two looks at how much is left; each look is one small statement."""


@dataclass(frozen=True)
class Span:
    """How many jobs ran, and the seconds from the first start to the last finish."""

    jobs: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.jobs / self.seconds


class Contender(Protocol):
    """A system that runs jobs which do nothing."""

    name: str
    jobs: int
    """How many a lap holds; slow systems get fewer, their rate doesn't depend on it."""

    def seed(self, servers: Servers) -> None:
        """Puts the jobs into an empty database and an empty Redis; not timed."""

    def commands(self, servers: Servers) -> Mapping[str, Command]:
        """The processes that run them, by name; they start at once and are stopped once all are done."""

    def left(self, servers: Servers) -> int:
        """Jobs that have not finished."""

    def span(self, servers: Servers) -> Span:
        """As the system itself recorded it."""


@dataclass(frozen=True)
class Lap:
    span: Span
    own: Mapping[str, cost.Cost]
    """What each process of the contender took, its start included."""
    postgres_cpu: float
    redis_cpu: float

    @property
    def cpu(self) -> float:
        """CPU seconds of all processes and both servers."""
        return sum(each.cpu for each in self.own.values()) + self.postgres_cpu + self.redis_cpu


@dataclass(frozen=True)
class Result:
    """All laps of one contender."""

    name: str
    laps: tuple[Lap, ...]

    @property
    def rate(self) -> float:
        """Jobs a second, the median of the laps."""
        return statistics.median(lap.span.rate for lap in self.laps)

    def median(self, of: Callable[[Lap], float]) -> float:
        return statistics.median(of(lap) for lap in self.laps)


def race(
    servers: Servers, contenders: Sequence[Contender], laps: int, say: Callable[[str], None]
) -> dict[str, Result]:
    """Results by name, in the order of the contenders."""
    run: dict[str, list[Lap]] = {contender.name: [] for contender in contenders}
    for number in range(laps):
        for contender in contenders:
            lap = one_lap(servers, contender)
            run[contender.name].append(lap)
            say(f"lap {number + 1}/{laps}  {contender.name:<28} {lap.span.rate:8,.0f} jobs/s")
    return {name: Result(name, tuple(ran)) for name, ran in run.items()}


def one_lap(servers: Servers, contender: Contender) -> Lap:
    """Empties the servers, seeds, runs, and reads what it took."""
    servers.reset()
    contender.seed(servers)
    servers.settle()
    postgres, redis = cost.cpu_seconds(servers.postgres_pid), cost.cpu_seconds(servers.redis_pid)
    with started(contender.commands(servers)) as children:
        _wait(contender, servers, children.values())
        own = {name: cost.of(child.pid) for name, child in children.items()}
    lap = Lap(
        span=contender.span(servers),
        own=own,
        postgres_cpu=cost.cpu_seconds(servers.postgres_pid) - postgres,
        redis_cpu=cost.cpu_seconds(servers.redis_pid) - redis,
    )
    if lap.span.jobs != contender.jobs:
        raise RuntimeError(f"{contender.name} recorded {lap.span.jobs} of {contender.jobs} jobs")
    return lap


def _wait(contender: Contender, servers: Servers, children: Iterable[Child]) -> None:
    watched = list(children)
    deadline = time.monotonic() + LAP_LIMIT
    while contender.left(servers):
        for child in watched:
            child.check()
        if time.monotonic() > deadline:
            raise RuntimeError(
                f"{contender.name} has {contender.left(servers)} jobs left after {LAP_LIMIT:.0f} s"
            )
        time.sleep(POLL)


def ratios(of: Result, to: Result) -> Iterable[float]:
    """Lap by lap, so that both sides of a ratio ran within the same minute."""
    return (a.span.rate / b.span.rate for a, b in zip(of.laps, to.laps, strict=True))


def ratio(of: Result, to: Result) -> float:
    return statistics.median(ratios(of, to))
