"""Whether the event loop turns: read by threads, so that a handler that blocks it is seen and named."""

import asyncio
import threading
import time

import structlog

from corral import metrics
from corral_worker.own_process import stack

log = structlog.get_logger(__name__)

TICK_SECONDS = 0.5
BLOCKED_SECONDS = 1.5
"""A loop that has not turned for so long is blocked."""


class LoopWatchdog:
    """Tells whether the event loop turns. It ticks on the loop; `look` is called from another thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._ticked = time.monotonic()
        self._blocked = False
        self._tick()

    @property
    def silent_for(self) -> float:
        """Seconds beyond the tick's period since the loop turned last."""
        return max(0.0, time.monotonic() - self._ticked - TICK_SECONDS)

    def look(self) -> None:
        """Log once when the loop is blocked, with the code that blocks it, and once when it turns again."""
        silent = self.silent_for
        if silent < BLOCKED_SECONDS:
            if self._blocked:
                log.info("loop.turns_again")
            self._blocked = False
            return
        metrics.LOOP_BLOCKED_SECONDS.inc(TICK_SECONDS)
        if self._blocked:
            return
        self._blocked = True
        metrics.LOOP_BLOCKED.inc()
        found = stack.of_thread(self._thread) or stack.Stack()
        log.error(
            "loop.blocked",
            seconds=round(silent, 1),
            at=found.place,
            stack=found.text,
            hint='a handler that computes or waits without await belongs into executor="thread" or "process"',
        )

    def _tick(self) -> None:
        self._loop.call_later(TICK_SECONDS, self._tick)
        self._ticked = time.monotonic()
