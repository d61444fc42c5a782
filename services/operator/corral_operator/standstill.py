"""Since when a pool does not come nearer to the number of workers that it is to have, and what holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from corral_operator.holds import Hold, HoldCause, gathered, said
from corral_operator.status import Held, Trouble

STARTS_WITHIN: Final = 10.0
"""Seconds that a worker may take to start without a word about it."""
HELD_SECONDS: Final = 60.0
"""Seconds without a step forward after which a condition and an Event tell of it."""


class Direction(StrEnum):
    """Whether a pool is to get larger, smaller or neither."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Stand:
    """What a pool waits for at one moment."""

    direction: Direction
    holds: tuple[Hold, ...]
    """The gravest first; never empty."""
    seconds: float
    """Since the last step forward."""
    words: str
    """What is the matter, in one line."""

    @property
    def worth_telling(self) -> bool:
        """Whether the status tells of it: of a scale-down at once."""
        return self.direction is Direction.DOWN or self.seconds >= STARTS_WITHIN

    @property
    def cause(self) -> HoldCause:
        """The gravest."""
        return self.holds[0].cause

    @property
    def told(self) -> Held | None:
        """The condition, once it has lasted."""
        if self.seconds < HELD_SECONDS:
            return None
        kind = Trouble.SCALE_DOWN_HELD if self.direction is Direction.DOWN else Trouble.SCALE_UP_HELD
        calm = self.cause is HoldCause.JOBS_RUNNING
        return Held(kind, self.words, self.cause, warning=not calm)


class Standstill:
    """Since when one pool has not come nearer to its number of workers. All times are monotonic seconds."""

    def __init__(self) -> None:
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
        """What the pool waits for; None where it is as it is to be, or nothing is in its way.

        Args:
            replicas: workers that the Deployment asks for.
            ready: workers that claim.
            wanted: workers that are to stay, of those that the Deployment asks for.
            desired: workers there should be.
            holds: what was found to be in the way.
            ending: whether pods that were taken away do not end.
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
        return Stand(
            direction, gathered_ones, now - self._since, self._words(replicas, ready, desired, gathered_ones)
        )

    @staticmethod
    def _towards(replicas: int, ready: int, wanted: int, desired: int) -> Direction | None:
        if desired < replicas:
            return Direction.DOWN
        return Direction.UP if desired > replicas or ready < wanted else None

    def _words(self, replicas: int, ready: int, desired: int, holds: Sequence[Hold]) -> str:
        if self._direction is Direction.DOWN:
            leaving = replicas - desired
            what = (
                f"{leaving} of {replicas} workers are to leave" if leaving else "workers that left do not end"
            )
        else:
            what = f"{ready} of {desired} workers are ready"
        return f"{what}; {said(holds)}"
