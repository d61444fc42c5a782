"""Whose code runs: which attempt a task, a callback or a thread belongs to.

Context variables are passed on to whatever a handler starts: to its tasks, to its callbacks on the event loop, and
to functions that `asyncio.to_thread` runs. So what goes wrong there can be told to the attempt that started it.
"""

from contextvars import Context, ContextVar
from uuid import UUID

Held = tuple[UUID, int]
"""Id of a job and number of the attempt under which this worker holds it."""

_OWNER: ContextVar[Held | None] = ContextVar("corral_attempt", default=None)


def belong_to(attempt: Held | None) -> None:
    """Say whose code runs in this context from here on: an attempt's, or with None the worker's own."""
    _OWNER.set(attempt)


def owner(context: Context | None = None) -> Held | None:
    """The attempt whose code runs in a context, by default in the present one; None for the worker's own code."""
    return _OWNER.get() if context is None else context.get(_OWNER)
