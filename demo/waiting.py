"""Waits for what a step needs, with a deadline and the time it took."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.05


class NotInTime(Exception):
    """What a step waits for did not come."""


def until(look: Callable[[], T | None], *, seconds: float, what: str) -> T:
    """Ask until the answer is one (neither None nor false), and return it.

    Raises:
        NotInTime: it did not come within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        time.sleep(POLL_SECONDS)
