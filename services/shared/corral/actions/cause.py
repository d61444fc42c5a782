"""One thing that keeps a job from running, and what lifts it."""

from dataclasses import dataclass


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
