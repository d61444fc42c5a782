"""The law as a local system asks it: one pool of worker processes, on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.local.plan import Plan
from corral.scaling.decision import Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import Pool
from corral.scaling.signal import QueueSignal, Signal, Watch

WINDOW = 30.0
"""Seconds that a laptop remembers a need; starting a local worker takes about one."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """How many workers there should be."""

    workers: int
    reason: str
    queues: Mapping[str, QueueSignal] | None
    """The backlog that was believed; None: the signal is lost."""


class Scaler:
    """Remembers what the law must remember between two seconds."""

    def __init__(self, plan: Plan, slots_of: Mapping[str, int]) -> None:
        least, most = (1, plan.max_workers) if plan.workers is None else (plan.workers, plan.workers)
        usual = max(1, plan.settings.slots_async)
        self._pool = Pool(least, most, slots=usual, slots_of=slots_of, window=WINDOW)
        self._watch = Watch()
        self._history = History()

    def next(self, signal: Signal | None, current: int, now: float) -> Scaled:
        """What to do about `current` workers at `now` (monotonic seconds)."""
        fresh = signal if self._watch.fresh(signal, now) else None
        # A worker of this machine claims a second after it was asked for: none counts as still starting.
        decision = decide(fresh, self._pool, self._history, Fleet(current, ready=current), now)
        self._history = decision.history
        return Scaled(decision.desired, decision.reason, fresh.queues if fresh else None)
