"""Timeouts that last: a handler that goes on past its own is written down, and ends as that error whatever comes.

Its worker may be drained, killed or cut off before a thread ends. Who takes the job from the worker then finds the
error in the job's row (`corral.store.timeouts`).
"""

import asyncio
from contextvars import Context

import structlog

from corral import metrics
from corral.errors import Unavailable
from corral.store.attempts import Attempts as AttemptStore
from corral.waiting import POSTGRES_RETRY_SECONDS, doubling
from corral_worker.execution import Execution
from corral_worker.this_worker import ThisWorker

log = structlog.get_logger(__name__)

LINGER_SECONDS = 0.25
"""A coroutine that honours its timeout and a process that is killed have ended by then, and cost no write more."""


class Timeouts:
    """Writes down timeouts that handlers go on past. Belongs to the event loop."""

    def __init__(self, store: AttemptStore, worker: ThisWorker) -> None:
        self._store = store
        self._worker = worker
        self._loop = asyncio.get_running_loop()
        self._struck: list[Execution] = []
        self._task: asyncio.Task[None] | None = None

    def struck(self, execution: Execution) -> None:
        """The attempt was told that its time is over."""
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
