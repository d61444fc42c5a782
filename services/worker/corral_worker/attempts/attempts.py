"""The attempts that this worker holds, each from its claim until its outcome is written, and the abandoned among them."""

import asyncio
from uuid import UUID

import structlog

from corral import metrics
from corral.job.options import Executor
from corral_worker.attempts.execution import Execution
from corral_worker.claiming.slots import Slots
from corral_worker.lifecycle.this_worker import ThisWorker
from corral_worker.own_process.attribution import Held
from corral_worker.own_process.event_loop import OwnedTask

log = structlog.get_logger(__name__)


class HeldAttempts:
    """The attempts that this worker holds. Belongs to the event loop; its questions may be asked from other threads."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._loop = asyncio.get_running_loop()
        self.held: dict[Held, Execution] = {}
        """Attempts by job and number, from the claim until the outcome is written or the attempt is no longer ours."""
        self._lost: set[Execution] = set()
        """Attempts that are no longer ours while their handlers still run here."""

    def add(self, execution: Execution) -> None:
        """Hold an attempt that was claimed."""
        execution.held = True
        self.held[execution.claimed.id, execution.claimed.attempt] = execution

    def holds(self, execution: Execution) -> bool:
        """Whether the attempt is still ours to write about."""
        return execution.held

    def forget(self, execution: Execution) -> None:
        """Hold it no longer: its outcome is written, or will never be."""
        if execution.held:
            execution.held = False
            del self.held[execution.claimed.id, execution.claimed.attempt]
            if not self.held:
                self._slots.freed.set()

    def lose(self, execution: Execution) -> None:
        """Hold it no longer, because Postgres says that it is not ours any more; its handler may still run."""
        metrics.FENCED.labels("heartbeat").inc()
        self.forget(execution)
        if execution.ending is None:
            self._lost.add(execution)

    def put_back(self, execution: Execution) -> None:
        """Hold an attempt no longer that never began."""
        self.forget(execution)
        self._lost.discard(execution)

    def ended(self, execution: Execution) -> None:
        """Note that its handler has ended: a lost attempt is gone with that."""
        self._lost.discard(execution)

    def running(self) -> list[Execution]:
        """The attempts whose handlers have not ended."""
        return [execution for execution in list(self.held.values()) if execution.ending is None]

    @property
    def limited(self) -> list[UUID]:
        """The jobs that are held and take of limits: those alone count where each worker runs only so many of a limit."""
        return [one.claimed.id for one in self.held.values() if one.claimed.limits]

    def over_time(self) -> list[Execution]:
        """Attempts on the event loop that run past their timeout. May be called from any thread."""
        return [one for one in self.running() if one.executor is Executor.ASYNC and one.over_for > 0]

    def blocking(self) -> Execution | None:
        """The attempt whose code the event loop runs at this moment, if any. May be called from any thread."""
        task = asyncio.current_task(self._loop)
        owner = task.owner if isinstance(task, OwnedTask) else None
        return self.held.get(owner) if owner else None

    @property
    def stubborn(self) -> list[Execution]:
        """The attempts whose handlers go on here, whether or not they are still ours."""
        return [*self.running(), *self._lost]

    @property
    def only_abandoned(self) -> bool:
        """Whether all that is held are handlers that can't be stopped: what waits for an empty worker waits in vain."""
        held = list(self.held.values())
        return bool(held) and all(one.abandoned and one.ending is None for one in held)


class Abandoned:
    """Handlers that were told to stop and go on: they keep their slots, and are shown (protocol rule 17)."""

    def __init__(self, slots: Slots, worker: ThisWorker) -> None:
        self._slots = slots
        self._worker = worker

    def add(self, execution: Execution) -> None:
        """Count an attempt as abandoned, unless it has ended by now. With a quarter of the slots abandoned the worker restarts."""
        batch = execution.batch
        running = [execution] if batch is None else batch.running
        if execution.abandoned or (batch is not None and batch.abandoned) or not running:
            return
        if batch is None and execution.ending is not None:
            return
        for one in running:
            one.abandoned = True
        if batch is not None:  # its call has one slot
            batch.abandoned = True
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
        """Count an attempt, or the batch that it is of, as abandoned no longer: its handler has ended."""
        if not (execution.abandoned if execution.batch is None else execution.batch.abandoned):
            return
        self._slots.abandoned[execution.executor] -= 1
        if execution.executor is Executor.THREAD:
            metrics.THREADS_ABANDONED.dec()
        log.info("job.abandoned_ended", job=str(execution.claimed.id), attempt=execution.claimed.attempt)
