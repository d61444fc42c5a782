"""What a provider allows, judged where requests arrive."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

SOME_SECONDS = 10.0
"""Long enough for a rate to be told from chance."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a provider allows. None: no limit."""

    slots: int | None = None
    """Requests under way at the same time."""
    per_second: int | None = None
    """In any window of a second, whenever it begins."""
    per_day: int | None = None


@dataclass(slots=True)
class Judge:
    """Counts arrivals, and says which of them break a rule."""

    allowance: Allowance
    counts: Counter[str] = field(default_factory=Counter)
    """By answer: `200`, `429`, and so on; and `requests`."""
    violations: Counter[str] = field(default_factory=Counter)
    """By rule: slots, per_second, per_day, key."""
    under_way: int = 0
    most_under_way: int = 0
    most_per_second: int = 0
    most_in_ten_seconds: int = 0
    sent_bytes: int = 0
    _second: deque[float] = field(default_factory=deque)
    _some_seconds: deque[float] = field(default_factory=deque)
    _day: deque[float] = field(default_factory=deque)

    def arrives(self, at: float | None = None) -> str | None:
        """A request arrives, and is under way until `leaves`; the rule that it breaks, None where it breaks none."""
        now = monotonic() if at is None else at
        self.counts["requests"] += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        for times, length in ((self._second, 1.0), (self._some_seconds, SOME_SECONDS), (self._day, DAY)):
            times.append(now)
            while times[0] <= now - length:
                times.popleft()
        self.most_per_second = max(self.most_per_second, len(self._second))
        self.most_in_ten_seconds = max(self.most_in_ten_seconds, len(self._some_seconds))
        broken = {
            "slots": (self.under_way, self.allowance.slots),
            "per_second": (len(self._second), self.allowance.per_second),
            "per_day": (len(self._day), self.allowance.per_day),
        }
        rules = [rule for rule, (count, most) in broken.items() if most is not None and count > most]
        self.violations.update(rules)
        return rules[0] if rules else None

    def leaves(self) -> None:
        """A request was answered, or its connection is gone."""
        self.under_way -= 1

    def told(self) -> Mapping[str, Any]:
        """All counts."""
        return {
            "counts": dict(self.counts),
            "violations": dict(self.violations),
            "most_under_way": self.most_under_way,
            "most_per_second": self.most_per_second,
            "most_in_ten_seconds": self.most_in_ten_seconds,
            "sent_bytes": self.sent_bytes,
        }
