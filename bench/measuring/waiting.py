"""Waits for what a measurement needs, with a deadline."""

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


def until(look: Callable[[], object], *, seconds: float, what: str) -> None:
    """Ask until the answer is true.

    Raises:
        RuntimeError: says `what` did not come within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds:.0f} s: {what}")
        time.sleep(POLL_SECONDS)
