"""Pods that were deleted and do not end: a finalizer, or a node that is gone."""

from collections.abc import Mapping
from typing import Final

from corral_operator.holds import Hold, HoldCause

STUCK_SECONDS: Final = 60.0
"""Seconds beyond the time that a pod was given, after which it counts as stuck."""


class StuckPods:
    """Since when each deleted pod of a pool was seen, by this operator's own clock."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def overdue(self, ending: Mapping[str, float], now: float) -> list[Hold]:
        """Those that should have ended long ago.

        Args:
            ending: the seconds that each deleted pod was given.
            now: monotonic seconds.
        """
        self._since = {name: self._since.get(name, now) for name in ending}
        late = [name for name, grace in ending.items() if now - self._since[name] > grace + STUCK_SECONDS]
        words = "deleted, and does not end (a finalizer, or a node that is gone)"
        return [Hold(HoldCause.STUCK_TERMINATING, words, (name,)) for name in late]
