"""The part of the signal that concerns one pool."""

from dataclasses import dataclass
from typing import Self

from corral.scaling.pool import PoolSpec
from corral.scaling.signal import Signal


@dataclass(frozen=True, slots=True)
class PoolBacklog:
    """The backlog of all queues of one pool, added up."""

    jobs: int = 0
    """That wait, also those that a limit has no room for."""
    seconds: float = 0.0
    """Of work on one slot, of those that could start now."""
    oldest: float = 0.0
    """Seconds that the oldest has waited."""
    arrived: int = 0
    """That ever became due."""
    live: int = 0
    """That wait or run."""

    @classmethod
    def of(cls, signal: Signal | None, pool: PoolSpec) -> Self:
        """The backlog of the pool's queues; empty where the signal is lost."""
        queues = [one for name, one in signal.queues.items() if pool.serves(name)] if signal else []
        return cls(
            jobs=sum(one.waiting for one in queues),
            seconds=round(sum(one.work for one in queues), 3),
            oldest=round(max((one.oldest for one in queues), default=0.0), 3),
            arrived=sum(one.came for one in queues),
            live=sum(one.waiting + one.running for one in queues),
        )
