"""Corral's law in the simulator: a leader that writes the signal, a reader that decides once a second."""

import heapq
import math

from bench.autoscale.simulator import Run
from corral.scaling.decision import Fleet
from corral.scaling.demand import KNOWN_AFTER
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.limited_jobs import LimitedJobs, Room, RunningJobs, WaitingJobs, limited_jobs
from corral.scaling.limited_signal import LimitedSignal
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


LIMIT = "provider"


class Truth:
    """What Postgres said when it was last asked."""

    def __init__(self, run: Run) -> None:
        self.limited = _limited(run) if run.load.limited else None
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
    jobs = truth.limited
    queued = run.queued if jobs is None else jobs.queued
    oldest = truth.oldest + since if run.queued and truth.queued else 0.0
    work, unknown = (queued * truth.mean, 0) if known else (0.0, queued)
    limited = None if jobs is None else LimitedSignal(
        jobs.queued, jobs.held, jobs.running, run.arrived, work, unknown,
        held_work=jobs.held * truth.mean if known else 0.0, held_unknown=0 if known else jobs.held, oldest=oldest,
        types=frozenset({TYPE}), ceiling=jobs.ceiling, rate=jobs.rate, binding=jobs.binding, shared=jobs.shared,
    )  # fmt: skip
    queue = QueueSignal(
        queued=queued, running=truth.running, oldest=oldest, arrived=0 if limited else run.arrived,
        work=work, unknown=unknown, types={TYPE: kind}, limited=limited,
    )  # fmt: skip
    return Signal(sequence, {QUEUE: queue}, at=run.now)


def _limited(run: Run) -> LimitedJobs:
    """What the leader makes of the limit, by the code that it makes it with."""
    limit = run.gate.limited
    names = {}
    if limit.running is not None:
        names[LIMIT] = Room(LIMIT, left=float(limit.running - run.running), bound=float(limit.running))
    if limit.starts is not None:
        left = run.gate.room(run.now, 0) if limit.running is None else math.inf
        names["rate"] = Room("rate", left=left, rate=float(limit.starts), per=limit.per)
    takes = dict.fromkeys(names, 1.0)
    waiting = [WaitingJobs(QUEUE, TYPE, run.queued, run.oldest, takes)] if run.queued else []
    running = [RunningJobs(QUEUE, TYPE, run.running, frozenset(names))] if run.running else []
    return limited_jobs(waiting, running, names).get(QUEUE, LimitedJobs())
