"""Corral's law in the simulator: a leader that writes the signal, a reader that decides once a second."""

import heapq

from bench.autoscale.simulator import Run
from corral.scaling.decision import Fleet
from corral.scaling.demand import KNOWN_AFTER
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import MAX_ELAPSED_TOLD, QueueSignal, Signal, SignalWatch, TypeSignal

QUEUE, TYPE = "load", "job"
TRUTH = 2.0
"""Seconds between two questions to Postgres; in between Redis counts what is queued, as the leader does."""


class Corral:
    """The law with its defaults."""

    drains = True

    def __init__(
        self,
        *,
        wait: float = 10.0,
        drain: float = 120.0,
        window: float = 60.0,
        name: str = "Corral",
        silent: tuple[float, float] | None = None,
    ) -> None:
        self.name = name
        self.wait, self.drain, self.window = wait, drain, window
        self.silent = silent
        """When the leader writes nothing."""
        self.reasons: list[tuple[float, int, int, str]] = []

    def begin(self, run: Run) -> None:
        pool = PoolSpec(
            run.cluster.least, run.cluster.most, run.cluster.slots,
            wait=self.wait, drain=self.drain, window=self.window,
        )  # fmt: skip
        watch, history = SignalWatch(), History()
        written: Signal | None = None
        truth = Truth(run)
        rounds = 0

        def write() -> None:
            nonlocal written, rounds, truth
            rounds += 1
            if run.now - truth.at >= TRUTH:
                truth = Truth(run)
            if self.silent is None or not self.silent[0] <= run.now < self.silent[1]:
                written = signal_of(run, truth, rounds)

        def look() -> None:
            nonlocal history
            fresh = written if watch.fresh(written, run.now) else None
            fleet = Fleet(
                run.wanted, run.ready, leaving=sum(pod.leaving for pod in run.pods), unschedulable=run.pending
            )
            decision = decide(fresh, pool, history, fleet, run.now)
            history = decision.history
            if decision.desired != run.wanted:
                self.reasons.append((run.now, run.wanted, decision.desired, decision.reason))
                run.scale(decision.desired)

        run.every(1.0, write)
        run.every(1.0, look)


class Truth:
    """What Postgres said when it was last asked."""

    def __init__(self, run: Run) -> None:
        self.at, self.running = run.now, run.running
        self.elapsed = heapq.nlargest(MAX_ELAPSED_TOLD, run.elapsed)
        self.oldest, self.queued = run.oldest, run.queued
        self.completed = run.completed
        self.mean = run.completed_seconds / run.completed if run.completed else 0.0
        self.square = run.completed_squares / run.completed if run.completed else 0.0


def signal_of(run: Run, truth: Truth, sequence: int) -> Signal:
    """What the leader would write: nothing that it could not know."""
    since, known = run.now - truth.at, truth.completed >= KNOWN_AFTER
    kind = TypeSignal(
        completed=truth.completed, mean=truth.mean, variance=max(0.0, truth.square - truth.mean**2),
        share=1.0 if truth.queued else 0.0, running=truth.running,
        elapsed=tuple(truth.elapsed),
    )  # fmt: skip
    queue = QueueSignal(
        queued=run.queued, running=truth.running, oldest=truth.oldest + since if run.queued and truth.queued else 0.0,
        arrived=run.arrived, work=run.queued * truth.mean if known else 0.0, unknown=0 if known else run.queued,
        types={TYPE: kind},
    )  # fmt: skip
    return Signal(sequence, {QUEUE: queue}, at=run.now)
