"""How long a pool has made no progress towards its target number of workers, and what it is waiting for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from corral_operator.reports.status import Held, Trouble
from corral_operator.scale_down.holds import Hold, HoldCause, gathered, said
from corral_operator.timing import TIMING, Timing

STUCK_SECONDS: Final = 60.0
"""Seconds beyond a pod's grace period after which it counts as stuck."""


class Direction(StrEnum):
    """Whether a pool should become larger or smaller."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Stand:
    """What a pool is waiting for at one moment."""

    direction: Direction
    holds: tuple[Hold, ...]
    """Ordered as in `HoldCause`; never empty."""
    seconds: float
    """Seconds since the last progress."""
    words: str
    """What is wrong, in one line."""
    timing: Timing = TIMING

    @property
    def worth_telling(self) -> bool:
        """Whether the status mentions it: for a scale-down at once, for a scale-up after the usual start time."""
        return self.direction is Direction.DOWN or self.seconds >= self.timing.usual_start

    @property
    def cause(self) -> HoldCause:
        """The first cause in the order of `HoldCause`."""
        return self.holds[0].cause

    @property
    def told(self) -> Held | None:
        """The condition; None before it has lasted `Timing.condition` seconds."""
        if self.seconds < self.timing.condition:
            return None
        kind = Trouble.SCALE_DOWN_HELD if self.direction is Direction.DOWN else Trouble.SCALE_UP_HELD
        calm = self.cause is HoldCause.JOBS_RUNNING
        return Held(kind, self.words, self.cause, warning=not calm)


class Standstill:
    """Measures how long one pool has made no progress towards its target. All times are monotonic seconds."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self._timing = timing
        self._direction: Direction | None = None
        self._reached = (0, 0)
        self._since = 0.0

    def look(
        self,
        *,
        replicas: int,
        ready: int,
        wanted: int,
        desired: int,
        holds: Sequence[Hold],
        ending: bool,
        now: float,
    ) -> Stand | None:
        """What the pool is waiting for; None where it has reached its target, or nothing blocks it.

        Args:
            replicas: workers that the Deployment asks for.
            ready: workers that claim.
            wanted: workers that should stay, of those that the Deployment asks for.
            desired: workers that there should be.
            holds: what blocks the change.
            ending: whether removed pods do not end.
            now: monotonic seconds.
        """
        direction = self._towards(replicas, ready, wanted, desired)
        if direction is None and ending:
            direction = Direction.DOWN
        reached = (-replicas, 0) if direction is Direction.DOWN else (replicas, ready)
        if direction is not self._direction or any(
            is_ > was for is_, was in zip(reached, self._reached, strict=True)
        ):
            self._since = now
        self._direction, self._reached = direction, reached
        if direction is None or not holds:
            return None
        gathered_ones = gathered(holds)
        words = self._words(replicas, ready, desired, gathered_ones)
        return Stand(direction, gathered_ones, now - self._since, words, self._timing)

    @staticmethod
    def _towards(replicas: int, ready: int, wanted: int, desired: int) -> Direction | None:
        if desired < replicas:
            return Direction.DOWN
        return Direction.UP if desired > replicas or ready < wanted else None

    def _words(self, replicas: int, ready: int, desired: int, holds: Sequence[Hold]) -> str:
        if self._direction is Direction.DOWN:
            leaving = replicas - desired
            what = (
                f"{leaving} of {replicas} workers are to leave" if leaving else "removed workers do not end"
            )
        else:
            what = f"{ready} of {desired} workers are ready"
        return f"{what}; {said(holds)}"


class StuckPods:
    """Remembers since when each deleted pod of a pool has been seen, by this operator's clock."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def overdue(self, ending: Mapping[str, float], now: float) -> list[Hold]:
        """Holds for the pods that should have ended.

        Args:
            ending: the deleted pods, with the grace period of each in seconds.
            now: monotonic seconds.
        """
        self._since = {name: self._since.get(name, now) for name in ending}
        late = [name for name, grace in ending.items() if now - self._since[name] > grace + STUCK_SECONDS]
        words = "is deleted, but does not end (because of a finalizer, or because its node is gone)"
        return [Hold(HoldCause.STUCK_TERMINATING, words, (name,)) for name in late]
