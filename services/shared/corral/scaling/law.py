"""The law: signal, pool and history give a number of workers and the reason for it.

Up at once, down only below the highest need of the last `window` seconds, so
constant load never makes a pool breathe.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from corral.scaling.signal import QueueSignal, Signal


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool of equal workers may do and is asked to do."""

    minimum: int
    maximum: int
    slots: int
    """Jobs that one worker runs at once, where `slots_of` says nothing else."""
    slots_of: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The same for queues whose jobs run elsewhere than most (processes: fewer)."""
    queues: frozenset[str] | None = None
    """The queues it serves; None is all."""
    drain: float = 10.0
    """Seconds within which a burst is to be gone, where the maximum allows."""
    window: float = 60.0
    """Seconds that a need is remembered before workers are taken away."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"minimum {self.minimum} is not between 0 and the maximum {self.maximum}")
        if min(self.slots, *self.slots_of.values(), self.slots) < 1:
            raise ValueError("a worker has at least one slot")
        if self.drain <= 0 or self.window < 0:
            raise ValueError(f"drain {self.drain} s is not above 0, or window {self.window} s is below 0")


@dataclass(frozen=True, slots=True)
class Need:
    """How many workers were needed at a moment of the caller's monotonic clock."""

    at: float
    workers: int


@dataclass(frozen=True, slots=True)
class Decision:
    """How many workers there should be, and why, in words and numbers."""

    workers: int
    reason: str
    history: tuple[Need, ...]
    """To be given to the next decision."""


def decide(
    signal: Signal | None, pool: Pool, current: int, history: tuple[Need, ...], now: float
) -> Decision:
    """The number of workers that the pool should have now.

    Args:
        signal: the backlog; None when it is lost.
        pool: bounds and objectives.
        current: the workers there are.
        history: of the last decision; empty at first.
        now: monotonic seconds.
    """
    if signal is None:
        held = _bounded(current, pool)
        return Decision(held, f"{held} held: the signal is lost", history)
    queues = [q for name, q in signal.queues.items() if pool.queues is None or name in pool.queues]
    needed = _bounded(math.ceil(_load(signal, pool)), pool)
    history = _remember(history, Need(now, needed), pool.window)
    highest = history[0].workers
    workers = max(needed, min(_bounded(current, pool), highest))
    return Decision(workers, _reason(queues, pool, current, needed, workers), history)


def slots_needed(queue: QueueSignal, drain: float) -> float:
    """Slots that finish what runs and what waits within `drain` seconds; never more than there are jobs."""
    waiting = queue.work / drain + queue.unknown + queue.due_soon
    return queue.running + min(waiting, queue.queued + queue.due_soon)


def _load(signal: Signal, pool: Pool) -> float:
    """Workers' worth of need; a small remainder never starts a worker more than the jobs could fill."""
    return sum(
        slots_needed(queue, pool.drain) / pool.slots_of.get(name, pool.slots)
        for name, queue in signal.queues.items()
        if pool.queues is None or name in pool.queues
    )


def _remember(history: tuple[Need, ...], need: Need, window: float) -> tuple[Need, ...]:
    """The needs that can still be the highest of a window: falling from left to right."""
    kept = [old for old in history if old.workers > need.workers and need.at - old.at <= window]
    return (*kept, need)


def _bounded(workers: int, pool: Pool) -> int:
    return max(pool.minimum, min(pool.maximum, workers))


def _reason(queues: list[QueueSignal], pool: Pool, current: int, needed: int, workers: int) -> str:
    queued, running = sum(q.queued for q in queues), sum(q.running for q in queues)
    work = sum(q.work for q in queues)
    load = f"{queued:,} queued, {running:,} running"
    if work >= 1:
        load += f", {work:,.0f} s of work, objective {pool.drain:g} s"
    if workers == current:
        if needed < workers:
            return f"{workers} kept: {needed} would do now, but more were needed within {pool.window:g} s"
        bound = " (the maximum)" if workers == pool.maximum else ""
        return f"{workers} kept{bound}: {load}"
    return f"{current} → {workers}: {load}"
