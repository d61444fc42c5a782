"""Whether somebody else scales the same Deployment.

The Role may not list autoscalers, and an autoscaler leaves no name in the Deployment's fields (it replaces
`scale` as a whole). What shows is the fight: a number that is changed back soon after it was set.
"""

from collections import deque
from typing import Final

RIVAL_CHANGES: Final = 3
"""Changes by others that make a rival: a person does it once, an autoscaler every quarter of a minute."""
RIVAL_WINDOW_SECONDS: Final = 300.0
"""Seconds within which they must happen."""
RIVAL_PAUSE_SECONDS: Final = 600.0
"""Seconds for which Corral leaves the target to its rival, before it tries again."""


class RivalScaler:
    """The number of workers as this operator set it, and as it found it. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._changes: deque[tuple[float, int, int]] = deque(maxlen=RIVAL_CHANGES)
        self._truce = float("-inf")

    def wrote(self, replicas: int) -> None:
        """This operator set the number."""
        self._expected = replicas

    def unsure(self) -> None:
        """This operator tried to set the number, and does not know whether it did."""
        self._expected = None

    def found(self, replicas: int, now: float) -> str | None:
        """The number was read; why to leave the target alone, if so."""
        if self._expected is not None and replicas != self._expected and now >= self._truce:
            self._changes.append((now, self._expected, replicas))
            if len(self._changes) == RIVAL_CHANGES and now - self._changes[0][0] <= RIVAL_WINDOW_SECONDS:
                self._truce = now + RIVAL_PAUSE_SECONDS
        self._expected = replicas
        if now >= self._truce:
            return None
        told = ", ".join(f"{ours} to {theirs}" for _, ours, theirs in self._changes)
        return (
            f"somebody else changed the number of workers {RIVAL_CHANGES} times within {RIVAL_WINDOW_SECONDS / 60:.0f} minutes "
            f"({told}): remove the HorizontalPodAutoscaler, or the replicas from what deploys it. "
            f"Corral tries again after {RIVAL_PAUSE_SECONDS / 60:.0f} minutes"
        )
