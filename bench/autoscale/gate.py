"""A limit in the simulator: so many jobs run at once, or so many start within a time."""

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limited:
    """What a load's jobs may do at once."""

    running: int | None = None
    """At most so many run at once."""
    starts: int | None = None
    """At most so many start within `per` seconds."""
    per: float = 1.0


class Gate:
    """Says whether another job may start. Exact: every start of the window is kept, as Corral keeps it."""

    def __init__(self, limited: Limited | None) -> None:
        self.limited = limited or Limited()
        self._starts: deque[float] = deque()

    def open(self, at: float, running: int) -> bool:
        """Whether a job may start at this second, where so many run."""
        return self.room(at, running) >= 1

    def room(self, at: float, running: int) -> float:
        """How many jobs may start at this second."""
        most = math.inf if self.limited.running is None else float(self.limited.running - running)
        if self.limited.starts is None:
            return most
        while self._starts and self._starts[0] + self.limited.per <= at:
            self._starts.popleft()
        return min(most, float(self.limited.starts - len(self._starts)))

    def started(self, at: float) -> None:
        """A job started."""
        if self.limited.starts is not None:
            self._starts.append(at)

    def opens_at(self, at: float, running: int) -> float:
        """When a rate that is used up lets the next one start; infinity where time alone opens nothing."""
        if self.limited.starts is None or self.open(at, running) or not self._starts:
            return math.inf
        if self.limited.running is not None and running >= self.limited.running:
            return math.inf
        return self._starts[0] + self.limited.per
