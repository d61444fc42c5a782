"""A limit for Events, so that a pool that is scaled all the time does not fill the cluster's store of Events."""

from typing import Final

MAX_EVENTS_AT_ONCE: Final = 25
"""Events with one reason that may be created at once. Source: client-go, tools/record, EventSourceObjectSpamFilter."""
SECONDS_PER_EVENT: Final = 60.0
"""Seconds after which one more may be created."""


class EventRateLimit:
    """A token bucket for the Events about one pool with one reason. It counts the Events that were suppressed."""

    def __init__(self) -> None:
        self._tokens = float(MAX_EVENTS_AT_ONCE)
        self._at: float | None = None
        self._kept_back = 0

    def spend(self, now: float) -> int | None:
        """How many Events were suppressed since the last one; None where this one is suppressed, too.

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
