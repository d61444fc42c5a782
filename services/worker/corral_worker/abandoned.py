"""Handlers that were told to stop and go on: they keep their slots, and are shown (protocol rule 17)."""

import structlog

from corral import metrics
from corral.job.options import Executor
from corral_worker.execution import Execution
from corral_worker.slots import Slots
from corral_worker.this_worker import ThisWorker

log = structlog.get_logger(__name__)


class Abandoned:
    """The attempts whose handlers were told to stop and go on. Belongs to the event loop."""

    def __init__(self, slots: Slots, worker: ThisWorker) -> None:
        self._slots = slots
        self._worker = worker

    def add(self, execution: Execution) -> None:
        """Its time to stop is over; unless it has ended. With too many of them the worker is of no use any more."""
        if execution.ending is not None or execution.abandoned:
            return
        execution.abandoned = True
        self._slots.abandoned[execution.executor] += 1
        if execution.executor is Executor.THREAD:
            metrics.THREADS_ABANDONED.inc()
        claimed, why = execution.claimed, execution.stop
        log.error(
            "job.abandoned",
            job=str(claimed.id),
            attempt=claimed.attempt,
            type=claimed.type,
            executor=execution.executor.value,
            why=why.value if why else None,
        )
        executor = self._slots.stuck()
        if executor is not None:
            count, size = self._slots.abandoned[executor], self._slots.sizes[executor]
            self._worker.stuck(
                f"{count} of the {size} {executor.value} slots are held by handlers that can't be stopped"
            )
        self._slots.freed.set()

    def remove(self, execution: Execution) -> None:
        """It has ended."""
        if not execution.abandoned:
            return
        self._slots.abandoned[execution.executor] -= 1
        if execution.executor is Executor.THREAD:
            metrics.THREADS_ABANDONED.dec()
        log.info("job.abandoned_ended", job=str(execution.claimed.id), attempt=execution.claimed.attempt)
