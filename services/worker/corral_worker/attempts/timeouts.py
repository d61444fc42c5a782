"""Timeouts: one clock stops attempts at their ends, and a timeout that a handler goes on past is written down.

The worker of such a handler may be drained, killed or cut off before a thread ends. Who takes the job from the worker then finds the
error in the job's row (`corral.store.attempts.timeouts`).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from time import monotonic

import structlog

from corral import metrics
from corral.errors import Unavailable
from corral.store.attempts.attempts import Attempts as AttemptStore
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling
from corral_worker.attempts.execution import Execution
from corral_worker.lifecycle.this_worker import ThisWorker

log = structlog.get_logger(__name__)

WATCH_SECONDS = 0.05
"""Seconds between two looks at the timeouts of what runs: a timeout strikes at most so late."""
LINGER_SECONDS = 0.25
"""Seconds before a timeout is written down: coroutines that honour it and processes that are killed have ended by then."""


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
        """Start the timeout of an attempt: its handler starts now."""
        execution.started = monotonic()
        execution.armed = True
        if self._timer is None:
            # In a context of its own: the attempt that is armed first is none of the others' business.
            self._timer = self._loop.call_later(WATCH_SECONDS, self._look, context=Context())

    def _look(self) -> None:
        """Stop the attempts that are past their timeouts."""
        # First of all, so that there is another look whatever interrupts this one: a handler may have set a timer.
        self._timer = self._loop.call_later(WATCH_SECONDS, self._look)
        now = monotonic()
        armed = [execution for execution in self._running() if execution.armed]
        for execution in armed:
            expires = execution.expires
            if expires is not None and expires <= now:
                self._strike(execution)
        if not armed:
            self._timer.cancel()
            self._timer = None


class Timeouts:
    """Writes down timeouts that handlers go on past. Belongs to the event loop."""

    def __init__(self, store: AttemptStore, worker: ThisWorker) -> None:
        self._store = store
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._struck: list[Execution] = []
        self._task: asyncio.Task[None] | None = None

    def struck(self, execution: Execution) -> None:
        """Note an attempt that was told to stop at its timeout; if its handler goes on, that is written down soon."""
        self._struck.append(execution)
        if self._task is None:
            # A context of its own: whoever asks for this is often an attempt, and this is not part of it.
            self._task = self._loop.create_task(self._write_all(), name="timeouts", context=Context())

    async def written(self) -> None:
        """Wait until every one that still runs is written."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _write_all(self) -> None:
        try:
            while self._struck:
                await asyncio.sleep(LINGER_SECONDS)
                batch, self._struck = self._struck, []
                await self._write(batch)
        finally:
            self._task = None

    async def _write(self, batch: list[Execution]) -> None:
        """Write those that still run, however long it takes."""
        waits = doubling(*POSTGRES_RETRY_SECONDS)
        while running := [
            execution for execution in batch if execution.past_timeout and execution.ending is None
        ]:
            worker = self._worker.incarnation
            if worker is None:  # taken for lost: they are not ours any more
                return
            for execution in running:
                execution.look()
            try:
                await self._store.time_out(worker, [execution.overdue() for execution in running])
            except Unavailable as error:
                log.warning("timeouts.held", jobs=len(running), error=str(error))
                await asyncio.sleep(next(waits))
            except Exception as error:  # one that can't be written ends as its worker can tell it
                metrics.SWALLOWED.labels("timeouts").inc()
                log.exception("timeouts.dropped", jobs=len(running), error=repr(error))
                return
            else:
                return
