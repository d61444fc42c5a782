"""What a run is of, and what comes of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

REVERSAL_SECONDS = 300.0
"""Pods that are wanted again so soon after they were told to leave should have stayed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the pods are and how many there may be."""

    slots: int
    least: int = 1
    most: int = 20
    nodes_hold: int = 1000
    """Pods that find a place on the nodes; more stay pending."""


@dataclass(slots=True)
class Outcome:
    """What one run cost and how long its jobs waited."""

    waits: list[float]
    pod_seconds: float
    work: float
    slots: int
    interrupted: int
    reversals: int
    peak: int
    last_end: float
    changes: list[tuple[float, int]]
    """When pods were asked for (more than 0) or told to leave."""
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)
    """Second, pods, jobs queued, jobs running."""

    @property
    def p95(self) -> float:
        ordered = sorted(self.waits)
        return ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]

    @property
    def cost(self) -> float:
        return self.pod_seconds * self.slots / self.work


def reversals(changes: Sequence[tuple[float, int]]) -> int:
    """How often pods were taken down and brought up again within `REVERSAL_SECONDS`."""
    count, down_at = 0, -math.inf
    for at, change in changes:
        if change < 0:
            down_at = at
        elif at - down_at <= REVERSAL_SECONDS:
            count += 1
            down_at = -math.inf
    return count
