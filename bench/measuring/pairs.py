"""Two or more installations on the same servers, each with its worker, that run short laps in turn.

All stay up the whole time, each with a database of its own, so that a lap is some tenths of a second long and starting,
installing and warming up belong to none. What a job costs is the processor time, to the microsecond, of the worker, of
its connections' processes of Postgres, and of Valkey; other processes of the servers (checkpoints, vacuum) and the
leader, which work by the second and not by the job, are left out.
"""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.installation import Installation
from bench.measuring.child import ROOT, Child, Command, python, started
from bench.measuring.cost import own_cpu_milliseconds
from bench.measuring.revision import path_of
from bench.servers import Servers

LAP_LIMIT = 60.0
POLL = 0.02
CALM = 0.15
"""Seconds after the last job: what is acknowledged and told a little later belongs to the lap."""
RESAMPLES = 2_000
"""Of the pairs, for the interval of a median; 95 of 100 medians of them lie within it."""
LAST = "SELECT id FROM corral.jobs ORDER BY id DESC LIMIT 1"
RAN = """
SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at))::float8
FROM corral.jobs WHERE id > %s AND state = 'completed' AND type = %s
"""
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name NOT IN ('bench', 'corral maintenance')
"""


@dataclass(frozen=True)
class Side:
    """One of the installations."""

    name: str
    type: str = "demo.echo"
    tree: Path = ROOT
    worker: str = "corral_worker"
    """The module that runs as its worker."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of its worker, by name without CORRAL_."""
    leader: bool = False
    prepare: Callable[[Servers], None] | None = None
    """What is done once it is installed, before its worker starts."""


@dataclass(frozen=True)
class Lap:
    """What one lap of a side took."""

    rate: float
    """Jobs a second, from the first start to the last finish."""
    cpu: Mapping[str, float]
    """Microseconds for each job, by process."""

    @property
    def total(self) -> float:
        return sum(self.cpu.values())


@dataclass
class Running:
    """A side at work."""

    side: Side
    servers: Servers
    watch: psycopg.Connection
    children: Mapping[str, Child]
    """`worker` and, where there is one, `leader`."""
    feeder: "subprocess.Popen[str]"
    laps: list[Lap] = field(default_factory=list)

    @property
    def worker(self) -> Child:
        return self.children["worker"]

    def queue(self, count: int) -> None:
        """Submit so many jobs, and return when they are."""
        assert self.feeder.stdin is not None
        self.feeder.stdin.write(f"{count}\n")
        self.feeder.stdin.flush()
        _hear(self.feeder, "queued")

    def lap(self, jobs: int) -> Lap:
        """Run so many. Raises: RuntimeError where they do not end."""
        row = self.watch.execute(LAST).fetchone()
        last = row[0] if row else "00000000-0000-0000-0000-000000000000"
        before = self._cpu()
        self.queue(jobs)
        deadline = time.monotonic() + LAP_LIMIT
        while (ran := self._ran(str(last)))[0] < jobs:
            self.worker.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.side.name}: {ran[0]} of {jobs} jobs ended in {LAP_LIMIT:.0f} s")
            time.sleep(POLL)
        time.sleep(CALM)
        used = dict.fromkeys(("worker", "Postgres", "Valkey"), 0.0)
        for (name, pid), now in self._cpu().items():
            used[name] += 1000 * (now - before.get((name, pid), 0.0)) / jobs
        return Lap(jobs / ran[1], used)

    def _ran(self, last: str) -> tuple[int, float]:
        row = self.watch.execute(RAN, (last, self.side.type)).fetchone()
        assert row is not None
        return int(row[0]), float(row[1] or 0)

    def _cpu(self) -> dict[tuple[str, int], float]:
        """Milliseconds of each process until now."""
        pids = [("worker", self.worker.pid), ("Valkey", self.servers.redis_pid)]
        pids += [("Postgres", int(row[0])) for row in self.watch.execute(BACKENDS).fetchall()]
        return {(name, pid): own_cpu_milliseconds(pid) for name, pid in pids}


@contextmanager
def running(servers: Servers, sides: Sequence[Side]) -> Iterator[list[Running]]:
    """All sides at work; each database is removed at the end."""
    places = [servers]
    while len(places) < len(sides):
        places.append(places[-1].beside())
    with ExitStack() as stack:
        yield [stack.enter_context(_started(place, side)) for place, side in zip(places, sides, strict=True)]


@contextmanager
def _started(servers: Servers, side: Side) -> Iterator[Running]:
    servers.reset()
    installation, path = Installation(servers), {"PYTHONPATH": path_of(side.tree)}
    feeder = [sys.executable, "-P", str(ROOT / "bench" / "peers" / "feeder.py")]
    command = Command([*feeder, servers.dsn(), servers.redis_url, side.type], path, side.tree)
    with subprocess.Popen(
        [str(word) for word in command.argv],
        env=command.environment(),
        cwd=command.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as feeding:
        try:
            _hear(feeding, "ready")
            environment = {**installation.worker(**side.settings).env, **path}
            commands = {"worker": Command(python(side.worker), environment, side.tree)}
            if side.leader:
                commands["leader"] = Command(python("corral.maintenance"), environment, side.tree)
            if side.prepare is not None:
                side.prepare(servers)
            with started(commands) as children, psycopg.connect(servers.dsn(), autocommit=True) as watch:
                yield Running(side, servers, watch, children, feeding)
        finally:
            feeding.terminate()
    servers.drop()


def _hear(feeder: "subprocess.Popen[str]", word: str) -> None:
    assert feeder.stdout is not None
    while (line := feeder.stdout.readline().strip()) != word:
        if not line and feeder.poll() is not None:
            raise RuntimeError(f"what submits the jobs ended with {feeder.returncode}")


def alternate(
    all_sides: Sequence[Running], laps: int, jobs: int, say: Callable[[str], None] = lambda _: None
) -> None:
    """So many laps of each, in turn and back; two of each before that do not count."""
    for _ in range(2):
        for one in all_sides:
            one.lap(jobs)
    for number in range(laps):
        for one in all_sides if number % 2 == 0 else reversed(all_sides):
            one.laps.append(one.lap(jobs))
        if (number + 1) % 25 == 0:
            said = "; ".join(
                f"{one.side.name} {statistics.median(lap.total for lap in one.laps):.1f} µs"
                for one in all_sides
            )
            say(f"lap {number + 1}/{laps}  {said}")


@dataclass(frozen=True)
class Ratio:
    """The median of the laps' ratios, and an interval that it lies in at 95 per cent."""

    median: float
    low: float
    high: float

    @property
    def shown(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f})"


def ratio_of(one: Sequence[float], other: Sequence[float]) -> Ratio:
    """Lap by lap, so that both sides of a ratio ran within the same second. Source: percentile bootstrap."""
    ratios = [a / b for a, b in zip(one, other, strict=True)]
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    at = RESAMPLES // 40
    return Ratio(statistics.median(ratios), medians[at], medians[-at - 1])


def cpu_ratio(one: Running, other: Running) -> Ratio:
    """Processor time of a job of one side to that of the other."""
    return ratio_of([lap.total for lap in one.laps], [lap.total for lap in other.laps])


def rate_ratio(one: Running, other: Running) -> Ratio:
    """Jobs a second of one side to those of the other."""
    return ratio_of([lap.rate for lap in one.laps], [lap.rate for lap in other.laps])


def row(one: Running, label: str | None = None) -> tuple[str, ...]:
    """Medians for a table: jobs a second, and the microseconds of each process and of all."""
    names = ("worker", "Postgres", "Valkey")
    each = [statistics.median(lap.cpu[name] for lap in one.laps) for name in names]
    rate = statistics.median(lap.rate for lap in one.laps)
    total = statistics.median(lap.total for lap in one.laps)
    return (label or one.side.name, f"{rate:,.0f}", *(f"{value:.1f}" for value in (*each, total)))
