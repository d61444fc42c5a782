"""One thing that keeps a job from running, and what lifts it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """Said in words, for people and programs."""

    code: str
    """For programs; never changes."""
    message: str
    action: str | None = None
    command: str | None = None
    """The action on the command line."""
    method: str | None = None
    path: str | None = None
    """The action over HTTP."""
