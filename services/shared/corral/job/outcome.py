"""How an attempt ended, as values. A worker makes one per attempt; the store writes it under the fence."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from corral.job.follow_up import FollowUp


class ErrorKind(StrEnum):
    """What sort of failure an attempt's error is."""

    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    EXIT = "exit"
    """The child process died; the message names its signal or exit code."""
    MEMORY = "memory"
    """The attempt used more memory than its job type allows; its process was ended."""
    RESULT = "result"
    """The handler returned what its result model or JSON refuses."""
    PAYLOAD = "payload"
    """The stored payload does not fit the handler's model."""
    STALL = "stall"
    """The worker was lost."""
    PERHAPS_DONE = "perhaps-done"
    """An effect that must not be repeated was begun by an earlier attempt, and left no end: a person settles it."""
    DISCARD = "discard"
    """The handler asked to fail at once."""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why an attempt failed, as texts that can be stored as JSON; long ones are cut."""

    kind: ErrorKind
    type: str
    """The exception's class, qualified: `builtins.ValueError`."""
    message: str
    traceback: str = ""
    place: str = ""
    """`module:function:line` of the innermost frame of the user's code."""

    @property
    def fingerprint(self) -> str:
        """Groups failures of one cause: kind, exception and place, 16 hex digits."""
        return hashlib.sha256(f"{self.kind}\0{self.type}\0{self.place}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler returned; `result` is JSON text, None where there is no result."""

    result: str | None = None


@dataclass(frozen=True, slots=True)
class Erred:
    """The handler failed and budget is left: to be tried again in `retry_in` seconds."""

    error: JobError
    retry_in: float


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The handler failed for good."""

    error: JobError


@dataclass(frozen=True, slots=True)
class Released:
    """The worker gives the job back unfinished; errors do not rise."""

    reason: str


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The handler asked to be run again in `wait` seconds; errors do not rise."""

    wait: float
    error: JobError
    """What the job fails with where it has snoozed as often as it may."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A provider asked for a wait of `wait` seconds: nothing of the limit or key `name` starts until then.

    The job keeps its place; errors do not rise.
    """

    wait: float
    name: str
    """As `LimitUse.name` spells it; one of those that the job takes of."""
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The attempt ended because a cancel was requested."""

    reason: str


Outcome = Succeeded | Erred | Exhausted | Released | Snoozed | Parked | Cancelled


@dataclass(slots=True)
class Finished:
    """One attempt's end, ready to be written: the fence (id, attempt) and the outcome. Nobody changes one (see `NewJob`)."""

    id: UUID
    attempt: int
    outcome: Outcome
    follow_ups: tuple[FollowUp, ...] = ()
    """Jobs that the handler announced: stored with the outcome, where it is the one that they wait for."""
    limited: bool = False
    """Whether it holds something of limits, which its end gives back."""
    unique: bool = False
    """Whether the job has a unique key, which its end gives back."""
