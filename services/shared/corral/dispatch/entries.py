"""What goes in and out of the lanes, as values."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from corral.job.lane import Lane


class Entry(NamedTuple):
    """A job to be queued in a lane."""

    lane: Lane
    id: UUID


class Popped(NamedTuple):
    """A job that a worker took out of a lane: to be claimed, then answered."""

    lane: Lane
    id: UUID


class Budget(NamedTuple):
    """At most `room` jobs in all may come from `queues`: the free slots of one executor."""

    queues: frozenset[str]
    room: int


class Pop(NamedTuple):
    """What a pop found."""

    popped: list[Popped]
    waiting: bool
    """The worker has room left and is registered: the next job of its queues wakes it."""
    suspects: list[str]
    """Queues whose suspects this worker should take: stop popping, and pop the suspect lane when empty."""
    suspended: bool
    """`rq suspend` is in force: nothing is popped."""


@dataclass(frozen=True, slots=True)
class Done:
    """The entry has served: claimed, or refused for good."""


@dataclass(frozen=True, slots=True)
class Return:
    """The job is to be popped again: by the next worker if `front`, after all others if not."""

    front: bool = True


@dataclass(frozen=True, slots=True)
class Park:
    """The job is to be popped again in `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Move:
    """The job belongs into another lane."""

    lane: Lane


Verdict = Done | Return | Park | Move


class Ack(NamedTuple):
    """What became of a popped job; `lane` is the one it was popped from."""

    lane: Lane
    id: UUID
    verdict: Verdict
