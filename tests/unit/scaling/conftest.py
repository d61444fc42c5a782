"""Signals, pools and a small closed loop, for the tests of the law."""

import random

import pytest

from corral.scaling.decision import Decision, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal, TypeSignal


def queue(
    queued: int = 0,
    running: int = 0,
    mean: float = 2.0,
    *,
    arrived: int = 0,
    oldest: float = 0.0,
    due_soon: int = 0,
    completed: int = 100,
) -> QueueSignal:
    """One queue whose only type runs `mean` seconds, exponentially."""
    known = completed >= 3
    return QueueSignal(
        queued=queued,
        running=running,
        oldest=oldest,
        arrived=arrived,
        work=queued * mean if known else 0.0,
        unknown=0 if known else queued,
        due_soon=due_soon,
        types={"a": TypeSignal(completed, mean, mean**2, 1.0 if queued else 0.0, running)},
    )


class Loop:
    """A pool under the law, second by second: jobs, workers that start after two seconds, and a signal."""

    def __init__(
        self, pool: PoolSpec, *, workers: int | None = None, mean: float = 2.0, seed: int = 1
    ) -> None:
        self.pool, self.mean, self.dice = pool, mean, random.Random(seed)
        self.workers = pool.minimum if workers is None else workers
        self.starting: list[int] = []
        self.second = self.queued = self.arrived = 0
        self.running: list[float] = []
        self.history = History()
        self.wanted: list[int] = []
        self.decision: Decision

    @property
    def signal(self) -> Signal:
        told = queue(self.queued, len(self.running), self.mean, arrived=self.arrived)
        return Signal(self.second + 1, {"a": told}, float(self.second))

    def pass_by(self, seconds: int, rate: float = 0.0, *, lost: bool = False) -> None:
        """Let jobs arrive at random, so many per second."""
        for _ in range(seconds):
            for tenth in range(10):
                self.add(sum(self.dice.random() < rate / 50 for _ in range(5)))
                self._work(self.second + tenth / 10)
            current = self.workers + len(self.starting)
            fleet = Fleet(current, ready=self.workers)
            self.decision = decide(
                None if lost else self.signal, self.pool, self.history, fleet, float(self.second)
            )
            self.history = self.decision.history
            self._scale(self.decision.desired - current)
            self.wanted.append(self.decision.desired)
            self.second += 1

    def add(self, jobs: int) -> None:
        """Queue jobs at once."""
        self.queued += jobs
        self.arrived += jobs

    def _work(self, now: float) -> None:
        self.running = [end for end in self.running if end > now]
        self.workers += sum(ready <= now for ready in self.starting)
        self.starting = [ready for ready in self.starting if ready > now]
        begun = min(self.queued, max(0, self.workers * self.pool.slots - len(self.running)))
        self.queued -= begun
        self.running += [now + self.dice.expovariate(1 / self.mean) for _ in range(begun)]

    def _scale(self, change: int) -> None:
        if change > 0:
            self.starting += [self.second + 2] * change
            return
        still = min(-change, len(self.starting))
        self.starting = self.starting[: len(self.starting) - still]
        self.workers += change + still


@pytest.fixture
def pool() -> PoolSpec:
    """Between nothing and twenty workers of four slots."""
    return PoolSpec(0, 20, 4)
