"""Laps of contenders in turn: A B C, C B A, A B C, so that a slow minute of the machine hits all.

Nobody always runs after the same other one, which may leave the machine warm or the disk busy.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.measuring import cost
from bench.measuring.child import Child, Command, started
from bench.servers import Servers

LAP_LIMIT = 240.0
"""Seconds after which a lap has failed."""
POLL = 0.25
"""Seconds between two looks at how much is left; each look is one small statement."""
FIRST_POLL = 0.05
"""The same while the processes start, so that little of the work is missed by what is counted."""
QUIET_LIMIT, QUIET = 30.0, 0.1
"""Seconds that what runs in the background may take to settle, and the share of a core below which it has."""


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

    def background(self, servers: Servers) -> Mapping[str, Command]:
        """Processes that belong to the system but run no jobs, by name; settled before the lap begins."""

    def commands(self, servers: Servers) -> Mapping[str, Command]:
        """The processes that run the jobs, by name; they start at once and are stopped once all are done."""

    def left(self, servers: Servers) -> int:
        """Jobs that have not finished."""

    def span(self, servers: Servers) -> Span:
        """As the system itself recorded it."""


@dataclass(frozen=True)
class Usage:
    """What ran while most of a lap's jobs did: from the first that was seen to end, to the last."""

    jobs: int
    seconds: float
    cpu: Mapping[str, float]
    """Seconds, by process of the contender and by server."""
    peak: Mapping[str, float]
    """MiB, by process of the contender; its children included."""

    @property
    def cpu_per_job(self) -> float:
        """CPU seconds of everything for one job."""
        return sum(self.cpu.values()) / self.jobs


@dataclass(frozen=True)
class Lap:
    """A contender's turn."""

    span: Span
    usage: Usage


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
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            lap = one_lap(servers, contender)
            run[contender.name].append(lap)
            say(f"lap {number + 1}/{laps}  {contender.name:<28} {lap.span.rate:8,.0f} jobs/s")
    return {name: Result(name, tuple(ran)) for name, ran in run.items()}


def one_lap(servers: Servers, contender: Contender) -> Lap:
    """Empties the servers, seeds, runs, and reads what it took."""
    servers.reset()
    contender.seed(servers)
    servers.settle()
    with started(contender.background(servers)) as background:
        _settle(background.values())
        with started(contender.commands(servers)) as workers:
            usage = _watch(contender, servers, {**workers, **background})
    lap = Lap(contender.span(servers), usage)
    if lap.span.jobs != contender.jobs:
        raise RuntimeError(f"{contender.name} recorded {lap.span.jobs} of {contender.jobs} jobs")
    return lap


def _settle(children: Iterable[Child]) -> None:
    """Waits until they use next to nothing for a second."""
    deadline = time.monotonic() + QUIET_LIMIT
    for child in children:
        used, before = 1.0, cost.cpu_seconds(child.pid)
        while used > QUIET and time.monotonic() < deadline:
            time.sleep(1)
            child.check()
            used, before = (now := cost.cpu_seconds(child.pid)) - before, now


def _watch(contender: Contender, servers: Servers, children: Mapping[str, Child]) -> Usage:
    """Waits for the end of the lap. Raises: RuntimeError when a process ends or the time is up."""
    roots = {name: child.pid for name, child in children.items()}
    roots |= {"Postgres": servers.postgres_pid, "Valkey": servers.redis_pid}
    deadline = time.monotonic() + LAP_LIMIT
    counted, began, before = 0, 0.0, dict.fromkeys(roots, 0.0)
    while left := contender.left(servers):
        for child in children.values():
            child.check()
        if not counted and left < contender.jobs:
            counted, began, before = left, time.monotonic(), _cpu(roots)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{contender.name} has {left} jobs left after {LAP_LIMIT:.0f} s")
        time.sleep(POLL if counted else FIRST_POLL)
    if not counted:
        raise RuntimeError(f"{contender.jobs} jobs of {contender.name} are too few to be measured")
    after = _cpu(roots)
    return Usage(
        jobs=counted,
        seconds=time.monotonic() - began,
        cpu={name: after[name] - before[name] for name in roots},
        peak={name: cost.of(child.pid).peak for name, child in children.items()},
    )


def _cpu(roots: Mapping[str, int]) -> dict[str, float]:
    return {name: cost.cpu_seconds(pid) for name, pid in roots.items()}


def ratios(of: Result, to: Result) -> Iterable[float]:
    """Lap by lap, so that both sides of a ratio ran within the same minute."""
    return (a.span.rate / b.span.rate for a, b in zip(of.laps, to.laps, strict=True))


def ratio(of: Result, to: Result) -> float:
    return statistics.median(ratios(of, to))
