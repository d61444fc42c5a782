"""What is asked of a pool: bounds, queues, slots of one worker, and objectives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """The part of a WorkerPool that the law reads."""

    minimum: int
    maximum: int
    slots: int
    """Jobs that one worker runs at once, where `slots_of` says nothing else."""
    slots_of: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """The same for queues whose jobs run elsewhere than most (processes: fewer)."""
    queues: frozenset[str] | None = None
    """The queues it serves; None is all."""
    wait: float = 10.0
    """Seconds within which 95 of 100 jobs are to start, where the maximum allows."""
    drain: float = 120.0
    """Seconds within which a burst is to be gone, where the maximum allows."""
    window: float = 60.0
    """Seconds that a steady need is remembered before workers are taken away."""
    paused: bool = False
    """Nobody but a person changes the number of workers."""

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"minimum {self.minimum} is not between 0 and the maximum {self.maximum}")
        if min(self.slots, *self.slots_of.values(), self.slots) < 1:
            raise ValueError("a worker has at least one slot")
        if self.wait <= 0 or self.drain <= 0 or self.window < 0:
            raise ValueError(
                f"wait {self.wait} s or drain {self.drain} s is not above 0, or window {self.window} s is below 0"
            )

    def serves(self, queue: str) -> bool:
        """Whether its workers take jobs of this queue."""
        return self.queues is None or queue in self.queues

    def slots_for(self, queue: str) -> int:
        """Jobs of this queue that one worker runs at once."""
        return self.slots_of.get(queue, self.slots)

    def bounded(self, workers: int) -> int:
        """The number within the pool's minimum and maximum that is nearest to `workers`."""
        return max(self.minimum, min(self.maximum, workers))
