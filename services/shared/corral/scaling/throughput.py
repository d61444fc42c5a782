"""How many jobs end per second, from two signals: what came, less what is still there."""

from collections import deque

WINDOW_SECONDS = 30.0
"""Seconds that are looked back."""


class Throughput:
    """How many jobs a pool completed lately: counts, kept for as long as they are looked back at."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._arrived = 0

    def at(self, now: float, arrived: int, live: int) -> float:
        """Jobs per second that ended lately.

        Args:
            now: monotonic seconds.
            arrived: jobs that ever became due; it rises, and begins anew after a wipe.
            live: jobs that wait or run.
        """
        if arrived < self._arrived:
            self._seen.clear()
        self._arrived = arrived
        ended = arrived - live
        self._seen.append((now, ended))
        while now - self._seen[0][0] > WINDOW_SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        return max(0.0, (ended - before) / (now - since)) if now > since else 0.0
