"""For how long the operator believes, waits and keeps silent, where a test needs another pace."""

from dataclasses import dataclass
from typing import Final

from corral_operator.scale_down.victim import ANSWER_VALID_SECONDS

ABSENT_SECONDS: Final = 5.0
"""Seconds after which the Deployment no longer asks for pods that are not created."""
USUAL_START_SECONDS: Final = 10.0
"""Seconds that a worker usually takes to start. Until then the status does not mention it."""
CONDITION_SECONDS: Final = 60.0
"""Seconds without progress after which the pool gets a condition and an Event."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds; each is described at its constant."""

    answer_valid: float = ANSWER_VALID_SECONDS
    absent: float = ABSENT_SECONDS
    usual_start: float = USUAL_START_SECONDS
    condition: float = CONDITION_SECONDS


TIMING: Final = Timing()
"""What holds outside of tests."""
