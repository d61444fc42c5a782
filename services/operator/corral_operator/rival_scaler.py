"""Notices when something else scales the same Deployment.

The Role may not list autoscalers, and an autoscaler leaves no name in the Deployment's fields (it replaces
`scale` as a whole). What can be seen is that the number of replicas is changed back soon after it was set.
"""

from collections import deque
from typing import Final

RIVAL_CHANGES: Final = 3
"""Changes by others that count as another autoscaler: a person makes one, an autoscaler one every 15 seconds."""
RIVAL_WINDOW_SECONDS: Final = 300.0
"""Seconds within which the changes must happen."""
RIVAL_PAUSE_SECONDS: Final = 600.0
"""Seconds for which Corral then leaves the Deployment alone, before it tries again."""


class RivalScaler:
    """Compares the number of replicas that this operator set with what it reads. All times are monotonic seconds."""

    def __init__(self) -> None:
        self._expected: int | None = None
        self._changes: deque[tuple[float, int, int]] = deque(maxlen=RIVAL_CHANGES)
        self._truce = float("-inf")

    def wrote(self, replicas: int) -> None:
        """Note the number that this operator set."""
        self._expected = replicas

    def unsure(self) -> None:
        """Note that this operator tried to set the number, and does not know whether it was set."""
        self._expected = None

    def found(self, replicas: int, now: float) -> str | None:
        """Take the number that was read. Returns why the Deployment must be left alone; None where it need not be."""
        if self._expected is not None and replicas != self._expected and now >= self._truce:
            self._changes.append((now, self._expected, replicas))
            if len(self._changes) == RIVAL_CHANGES and now - self._changes[0][0] <= RIVAL_WINDOW_SECONDS:
                self._truce = now + RIVAL_PAUSE_SECONDS
        self._expected = replicas
        if now >= self._truce:
            return None
        told = ", ".join(f"{ours} to {theirs}" for _, ours, theirs in self._changes)
        return (
            f"something else changed the number of workers {RIVAL_CHANGES} times within {RIVAL_WINDOW_SECONDS / 60:.0f} minutes "
            f"({told}): remove the HorizontalPodAutoscaler, or the replicas from the manifest that is deployed. "
            f"Corral tries again after {RIVAL_PAUSE_SECONDS / 60:.0f} minutes"
        )
