"""One thing that keeps a job from running, and what lifts it."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a job does not run, in words and as a code."""

    code: str
    """For programs; never changes."""
    message: str
    action: str | None = None
    command: str | None = None
    """The action on the command line."""
    method: str | None = None
    path: str | None = None
    """The action over HTTP."""


def time_of(moment: datetime) -> str:
    """A time as causes say it, in UTC to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
