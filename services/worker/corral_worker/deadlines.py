"""The clock of timeouts: one timer for all attempts, since most end long before theirs."""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from time import monotonic

from corral_worker.execution import Execution

WATCH_SECONDS = 0.05
"""How often timeouts are looked at, while something runs: so late a timeout may strike."""


class Deadlines:
    """Stops attempts at their timeouts, with one timer for all. Belongs to the event loop."""

    def __init__(
        self, running: Callable[[], Iterable[Execution]], strike: Callable[[Execution], None]
    ) -> None:
        self._running = running
        self._strike = strike
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def arm(self, execution: Execution) -> None:
        """The handler starts now: so does its timeout."""
        execution.started = monotonic()
        execution.armed = True
        if self._timer is None:
            # In a context of its own: the attempt that is armed first is none of the others' business.
            self._timer = self._loop.call_later(WATCH_SECONDS, self._look, context=Context())

    def _look(self) -> None:
        """Stop what is past its timeout."""
        now = monotonic()
        armed = [execution for execution in self._running() if execution.armed]
        for execution in armed:
            expires = execution.expires
            if expires is not None and expires <= now:
                self._strike(execution)
        self._timer = self._loop.call_later(WATCH_SECONDS, self._look) if armed else None
