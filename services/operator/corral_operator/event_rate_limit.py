"""How many Events may be told: a pool that moves all the time must not fill the cluster's store of Events."""

from typing import Final

MAX_EVENTS_AT_ONCE: Final = 25
"""Events of one reason at once. Source: client-go, tools/record, EventSourceObjectSpamFilter."""
SECONDS_PER_EVENT: Final = 60.0
"""Seconds after which one more may be told."""


class EventRateLimit:
    """What may be told about one pool for one reason: a bucket of tokens, and how many Events found it empty."""

    def __init__(self) -> None:
        self._tokens = float(MAX_EVENTS_AT_ONCE)
        self._at: float | None = None
        self._kept_back = 0

    def spend(self, now: float) -> int | None:
        """How many Events were kept back since the last one; None where this one is, too.

        Args:
            now: monotonic seconds.
        """
        if self._at is not None:
            self._tokens = min(MAX_EVENTS_AT_ONCE, self._tokens + (now - self._at) / SECONDS_PER_EVENT)
        self._at = now
        if self._tokens < 1:
            self._kept_back += 1
            return None
        self._tokens -= 1
        missed, self._kept_back = self._kept_back, 0
        return missed
