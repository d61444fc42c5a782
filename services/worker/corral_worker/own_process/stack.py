"""Finds the line where running code is: of a thread that can't be stopped, or of a task that does not end."""

import asyncio
import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from corral import frames

OURS = str(Path(__file__).resolve().parents[1])
"""Files of the worker itself: their lines say nothing to a handler's author."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Where code was: the place that groups failures, and the stack for people."""

    place: str = ""
    text: str = ""


def of_thread(thread: int) -> Stack | None:
    """Where a thread is now; None where it has ended."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001  # the documented way to see another thread
    return None if frame is None else _stack([(one, line) for one, line in traceback.walk_stack(frame)][::-1])


def here() -> Stack:
    """Where the present thread is."""
    return of_thread(threading.get_ident()) or Stack()


def of_task(task: asyncio.Task[Any]) -> Stack | None:
    """Where a task waits now; None where it does not."""
    found: list[tuple[FrameType, int]] = []
    waits: Any = task.get_coro()
    while waits is not None and len(found) < frames.MAX_FRAMES:
        frame = getattr(waits, "cr_frame", None)
        if frame is not None:
            found.append((frame, frame.f_lineno))
        waits = getattr(waits, "cr_await", None)
    return _stack(found) if found else None


def _stack(found: list[tuple[FrameType, int]]) -> Stack:
    """Frames, outermost first, from the team's on: ours say nothing to its author."""
    while found and found[0][0].f_code.co_filename.startswith((OURS, threading.__file__)):
        found = found[1:]
    while found and found[-1][0].f_code.co_filename.startswith(OURS):
        found = found[:-1]
    place = frames.place_in(found)
    lines = traceback.StackSummary.extract(iter(found), limit=-frames.MAX_FRAMES).format()
    return Stack(place.grouped if place else "", "".join(["Stack (most recent call last):\n", *lines]))
