"""What a provider allows, judged where requests arrive."""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
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
    _arrivals: list[float] = field(default_factory=list)
    """Of the last day, in their order: one that was noticed late stands where it belongs."""

    def arrives(self, at: float | None = None) -> str | None:
        """A request arrives, and is under way until `leaves`; the rule that it breaks, None where it breaks none."""
        now = time() if at is None else at
        self.counts["requests"] += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        insort(self._arrivals, now)
        del self._arrivals[: bisect_left(self._arrivals, self._arrivals[-1] - DAY - SOME_SECONDS)]
        second, some_seconds, day = (self._most(now, length) for length in (1.0, SOME_SECONDS, DAY))
        self.most_per_second = max(self.most_per_second, second)
        self.most_in_ten_seconds = max(self.most_in_ten_seconds, some_seconds)
        broken = {
            "slots": (self.under_way, self.allowance.slots),
            "per_second": (second, self.allowance.per_second),
            "per_day": (day, self.allowance.per_day),
        }
        rules = [rule for rule, (count, most) in broken.items() if most is not None and count > most]
        self.violations.update(rules)
        return rules[0] if rules else None

    def _most(self, at: float, length: float) -> int:
        """The most arrivals of a window of so many seconds in which the one at this time lies."""
        times = self._arrivals
        last = bisect_left(times, at)
        most = 0
        while last < len(times) and times[last] < at + length:
            most = max(most, last + 1 - bisect_right(times, times[last] - length))
            last += 1
        return most

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
