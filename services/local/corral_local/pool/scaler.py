"""Applies the law to the one pool of a local system."""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.scaling.decision import Decision, Fleet
from corral.scaling.history import History
from corral.scaling.law import decide
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal, SignalWatch
from corral_local.plan import Plan

WINDOW_SECONDS = 30.0
"""Seconds that a need is remembered before workers are removed. A local worker starts in about one second."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A decision about the local pool, with what it rests on."""

    before: int
    decision: Decision
    signal: Signal | None
    """The signal that was used; None where it is lost."""

    @property
    def workers(self) -> int:
        """Workers that there should be."""
        return self.decision.desired

    @property
    def reason(self) -> str:
        """The reason, in words and numbers."""
        return self.decision.reason

    @property
    def queues(self) -> Mapping[str, QueueSignal] | None:
        """The backlog of each queue; None where the signal is lost."""
        return None if self.signal is None else self.signal.queues


class LocalScaler:
    """Decides about the local pool, and keeps the history that the law needs."""

    def __init__(self, plan: Plan, slots_of: Mapping[str, int]) -> None:
        least, most = (1, plan.max_workers) if plan.workers is None else (plan.workers, plan.workers)
        usual = max(1, plan.settings.slots_async)
        self.pool = PoolSpec(least, most, slots=usual, slots_of=slots_of, window=WINDOW_SECONDS)
        self._watch = SignalWatch()
        self._history = History()

    def next(self, signal: Signal | None, current: int, now: float) -> Scaled:
        """Decide how many workers there should be, with `current` workers at `now` (monotonic seconds)."""
        fresh = signal if self._watch.fresh(signal, now) else None
        # A worker of this machine claims a second after it was asked for: none counts as still starting.
        decision = decide(fresh, self.pool, self._history, Fleet(current, ready=current), now)
        self._history = decision.history
        return Scaled(current, decision, fresh)
