"""How long workers take to start: a line in how many start at once, learned from those that started."""

from collections.abc import Sequence
from dataclasses import dataclass

MAX_STARTS = 40
"""Starts that are learned from."""
PRIOR_STARTS = ((1.0, 2.0), (20.0, 10.0))
"""Position in its batch and seconds, believed before any start was seen, and as much as one start each later."""


@dataclass(frozen=True, slots=True)
class StartLine:
    """The k-th of workers started at once claims after `alone + each * (k - 1)` seconds."""

    samples: tuple[tuple[float, float], ...] = ()
    """Position within its batch, from 1, and seconds from order to ready; the newest last."""
    alone: float = 2.0
    each: float = 0.42

    def learned(self, started: Sequence[tuple[float, float]]) -> "StartLine":
        """This line with more starts: least squares over the last ones and the line before."""
        if not started:
            return self
        samples = (*self.samples, *started)[-MAX_STARTS:]
        points = (*PRIOR_STARTS, *samples)
        count = len(points)
        middle_k = sum(k for k, _ in points) / count
        middle_s = sum(s for _, s in points) / count
        spread = sum((k - middle_k) ** 2 for k, _ in points)
        together = sum((k - middle_k) * (s - middle_s) for k, s in points)
        each = max(0.0, together / spread) if spread else 0.0
        alone = max(0.0, middle_s - each * (middle_k - 1))
        return StartLine(samples, alone, each)

    def of(self, position: int) -> float:
        """Seconds until the worker at that position, from 1, claims."""
        return self.alone + self.each * max(0, position - 1)
