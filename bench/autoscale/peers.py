"""Other ways to scale workers: KEDA with an HPA, an HPA on a queue's metric, the naive law."""

import itertools
import math
from collections import deque
from collections.abc import Iterator

from bench.autoscale.simulator import Run, Scaler

SYNC = 15.0
"""Seconds between two decisions of an HPA (--horizontal-pod-autoscaler-sync-period)."""
TOLERANCE = 0.1
"""Share of its target within which an HPA does nothing."""


class Fixed:
    """So many pods, always; with the maximum this is the oracle."""

    drains = True

    def __init__(self, pods: int) -> None:
        self.name = f"always {pods}"
        self.pods = pods

    def begin(self, run: Run) -> None:
        run.every(1.0, lambda: None)


class Soonest:
    """Knows when a burst comes, and asks for the maximum at that moment: no law that must see it can be faster."""

    drains = True

    def __init__(self, at: float, pods: int) -> None:
        self.name = "asks as the burst comes"
        self.burst_at, self.pods = at, pods

    def begin(self, run: Run) -> None:
        run.at(self.burst_at, lambda: run.scale(self.pods))
        run.every(1.0, lambda: None)


class Naive:
    """As many slots as jobs queued and running; down to the highest of the last minute. Drains."""

    drains = True

    def __init__(self, window: float = 60.0, period: float = 2.0) -> None:
        self.name = f"naive, window {window:g} s"
        self.window, self.period = window, period

    def begin(self, run: Run) -> None:
        recent: deque[tuple[float, int]] = deque()

        def look() -> None:
            need = math.ceil((run.queued + run.running) / run.cluster.slots)
            recent.append((run.now, need))
            while recent[0][0] < run.now - self.window:
                recent.popleft()
            run.scale(need if need > run.wanted else min(run.wanted, max(n for _, n in recent)))

        run.every(self.period, look)


class Hpa:
    """autoscaling/v2 on an external metric of type AverageValue, scraped every `poll` seconds.

    Source: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale, Algorithm details.
    """

    drains = False

    def __init__(
        self, name: str, *, poll: float, running: bool, target: float, window: float, unlimited: bool
    ) -> None:
        self.name = (
            f"{name} poll {poll:g} s, {'queued + running' if running else 'queued'} / {target:g}, "
            f"window {window:g} s, up {'at once' if unlimited else 'by default'}"
        )
        self.poll, self.counts_running, self.target, self.window = poll, running, target, window
        self.unlimited = unlimited

    def begin(self, run: Run) -> None:
        metric = 0
        recent: deque[tuple[float, int]] = deque()
        ups: deque[tuple[float, int]] = deque()

        def poll() -> None:
            nonlocal metric
            metric = run.queued + (run.running if self.counts_running else 0)

        def sync() -> None:
            current = run.wanted
            usage = metric / (self.target * current) if current else math.inf
            need = current if abs(1 - usage) <= TOLERANCE else math.ceil(metric / self.target)
            recent.append((run.now, need))
            while recent[0][0] < run.now - self.window:
                recent.popleft()
            if need > current:
                while ups and ups[0][0] < run.now - SYNC:
                    ups.popleft()
                before = current - sum(added for _, added in ups)
                limit = math.inf if self.unlimited else max(before + 4, 2 * before)
                wanted = int(min(need, max(limit, current)))
                ups.append((run.now, wanted - current))
            else:
                wanted = min(current, max(n for _, n in recent))
            run.scale(wanted)

        run.every(self.poll, poll)
        run.every(SYNC, sync)


def grid(slots: int, *, quick: bool = False) -> Iterator[Scaler]:
    """Every peer for pods of so many slots."""
    yield Naive()
    polls = (1.0, 15.0) if quick else (1.0, 5.0, 15.0, 30.0)
    windows = (0.0, 60.0) if quick else (0.0, 60.0, 120.0, 300.0)
    for poll, window, unlimited in itertools.product(polls, windows, (True, False)):
        for share in (0.5, 1.0, 2.0):
            yield Hpa(
                "KEDA", poll=poll, running=False, target=share * slots, window=window, unlimited=unlimited
            )
        for share in (0.7, 0.85, 1.0):
            yield Hpa(
                "KEDA", poll=poll, running=True, target=share * slots, window=window, unlimited=unlimited
            )
    for window in windows:
        for share in (0.6, 0.8, 1.0):
            yield Hpa("HPA", poll=30.0, running=True, target=share * slots, window=window, unlimited=False)
