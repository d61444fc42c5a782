"""The moment at which the claim loop looks again by itself: when a batch has waited long enough, or a rate lets a group start."""

import asyncio
from collections.abc import Callable


class NextLook:
    """One timer, for the earliest of these moments. Belongs to the event loop."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self._timer: asyncio.TimerHandle | None = None

    def within(self, seconds: float) -> None:
        """Look again in so many seconds, or earlier where that was to be already."""
        loop = asyncio.get_running_loop()
        at = loop.time() + seconds
        if self._timer is None or not loop.time() <= self._timer.when() <= at:
            self.cancel()
            self._timer = loop.call_at(at, self._look)

    def cancel(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
