"""Corral's law in the simulator: a leader that writes the signal, a reader that decides once a second."""

import heapq

from bench.autoscale.simulator import Run
from corral.scaling.decision import Fleet
from corral.scaling.demand import KNOWN_AFTER
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import Pool
from corral.scaling.signal import LONGEST_TOLD, QueueSignal, Signal, TypeSignal, Watch

QUEUE, TYPE = "load", "job"


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
        pool = Pool(
            run.cluster.least, run.cluster.most, run.cluster.slots,
            wait=self.wait, drain=self.drain, window=self.window,
        )  # fmt: skip
        watch, history = Watch(), History()
        written: Signal | None = None
        rounds = 0

        def write() -> None:
            nonlocal written, rounds
            rounds += 1
            if self.silent is None or not self.silent[0] <= run.now < self.silent[1]:
                written = signal_of(run, rounds)

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


def signal_of(run: Run, sequence: int) -> Signal:
    """What the leader would write: nothing that it could not know."""
    count = run.completed
    mean = run.completed_seconds / count if count else 0.0
    variance = max(0.0, run.completed_squares / count - mean * mean) if count else 0.0
    known = count >= KNOWN_AFTER
    kind = TypeSignal(
        completed=count, mean=mean, variance=variance, share=1.0 if run.queued else 0.0, running=run.running,
        elapsed=tuple(heapq.nlargest(LONGEST_TOLD, run.elapsed)),
    )  # fmt: skip
    queue = QueueSignal(
        queued=run.queued, running=run.running, oldest=run.oldest, arrived=run.arrived,
        work=run.queued * mean if known else 0.0, unknown=0 if known else run.queued, types={TYPE: kind},
    )  # fmt: skip
    return Signal(sequence, {QUEUE: queue}, at=run.now)
