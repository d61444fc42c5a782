"""How often something may die, and how long to wait before it is started again."""

from collections import deque
from dataclasses import dataclass, field

LIMIT = 5
"""Deaths within `WITHIN` that are too many."""
WITHIN = 60.0
"""Seconds."""
FIRST_WAIT = 0.5
"""Seconds before the first restart; each further death of the same minute doubles it."""


@dataclass(slots=True)
class Restarts:
    """The deaths of one process."""

    total: int = 0
    _recent: deque[float] = field(default_factory=deque)

    def died(self, now: float) -> float | None:
        """Count a death at `now` (monotonic seconds): seconds to wait, or None when it died too often."""
        self.total += 1
        self._recent.append(now)
        while self._recent[0] <= now - WITHIN:
            self._recent.popleft()
        return None if len(self._recent) >= LIMIT else FIRST_WAIT * 2 ** (len(self._recent) - 1)

    def recent(self, now: float) -> int:
        """Deaths within the last minute."""
        return sum(death > now - WITHIN for death in self._recent)
