"""Pods of one Deployment: how long they take to start, and what one runs."""

import random
from dataclasses import dataclass, field

ALONE = 1.4
"""Seconds that one pod takes from creation to its first claim, measured."""
EACH = (9.3 - ALONE) / 19
"""Seconds by which each pod delays those created after it: of twenty at once the last took 9.3 s."""
JITTER = 0.1
"""Share by which a start may be shorter or longer."""


@dataclass(eq=False, slots=True)
class Pod:
    """One worker."""

    number: int
    slots: int
    created: float
    busy: int = 0
    ready: bool = False
    claims: bool = False
    """Ready, and not told to leave."""
    leaving: bool = False
    gone: bool = False
    tokens: int = 0
    """Entries of this pod among the free slots."""
    running: dict[int, float] = field(default_factory=dict)
    """Job by its number, and when its present attempt began."""


class Starts:
    """One node's work of starting pods: it takes turns, so a batch is late by its length."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._free_at = 0.0

    def ready_at(self, now: float) -> float:
        self._free_at = max(now, self._free_at) + EACH
        return self._free_at + (ALONE - EACH) * (1 + JITTER * (2 * self._dice.random() - 1))
