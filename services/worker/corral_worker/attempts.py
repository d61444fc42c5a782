"""The attempts that this worker holds: started here, stopped here, held until they are written."""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog

from corral import frames, metrics
from corral.catalog import Catalog
from corral.context import Context, SyncContext
from corral.job.job import Claimed
from corral.job.options import Executor
from corral.job_log import JobLog
from corral_worker import attribution
from corral_worker.abandoned import Abandoned
from corral_worker.attribution import Held
from corral_worker.context_link import AttemptLink, HandlerServices, ThreadLink
from corral_worker.deadlines import Deadlines
from corral_worker.ending import Ending, Raised, Stop, raised
from corral_worker.event_loop import OwnedTask, WorkerTask
from corral_worker.execution import Execution
from corral_worker.perform import perform, perform_blocking
from corral_worker.processes import Processes
from corral_worker.slots import Slots
from corral_worker.threads import Threads
from corral_worker.updates import Updates

log = structlog.get_logger(__name__)

ABANDON_SECONDS = 5.0
"""How long a handler that was told to stop may take before it is shown as abandoned."""
GONE_SECONDS = 5.0
"""A job whose handler still runs here is not tried again before: by then this process has ended for certain."""


class HeldAttempts:
    """Starts, stops and holds this worker's attempts. Belongs to the event loop; `held` may be read from other threads."""

    def __init__(
        self,
        catalog: Catalog,
        slots: Slots,
        updates: Updates,
        services: HandlerServices,
        *,
        job_log: JobLog,
        ended: Callable[[Execution], None],
        freed: Callable[[], None],
        struck: Callable[[Execution], None] = lambda _: None,
    ) -> None:
        self._catalog = catalog
        self._slots = slots
        self._updates = updates
        self._services = services
        self._job_log = job_log
        self._struck = struck
        self._ended = ended
        self._freed = freed
        self._loop = asyncio.get_running_loop()
        self._ours = contextvars.Context()
        """Timers that a handler's call sets are the worker's all the same."""
        exits = getattr(self._loop, "exits", None)
        if exits is not None:
            exits.hear = self._exited
        self._pid = os.getpid()
        self._threads = Threads(slots.sizes.get(Executor.THREAD, 0))
        self._processes = Processes(slots.sizes.get(Executor.PROCESS, 0))
        self._deadlines = Deadlines(self.running, lambda execution: self.stop(execution, Stop.TIMEOUT))
        self._abandoned = Abandoned(slots, freed)
        self.held: dict[Held, Execution] = {}
        """From the claim until the outcome is written, or the attempt is no longer ours."""
        self._lost: set[Execution] = set()
        """No longer ours, and their handlers still run."""

    def start(self, claimed: Sequence[Claimed]) -> None:
        """Start the handlers of claimed jobs."""
        self._job_log.started(claimed)
        for job in claimed:
            declared = self._catalog.types[job.type]
            execution = Execution(job, declared)
            self.held[job.id, job.attempt] = execution
            self._slots.take(execution.executor)
            execution.task = _start(self._run(execution), self._loop)

    def stop(self, execution: Execution, why: Stop) -> None:
        """Tell an attempt to stop; the first reason stays, except that a lost one is lost."""
        if execution.ending is not None:
            return
        told = execution.stop is not None
        if not told or why is Stop.LOST:
            execution.stop = why
        if not told:
            self.see_to_end(execution)

    def see_to_end(self, execution: Execution) -> None:
        """It was told to stop: end it, as far as that is possible."""
        if execution.ending is not None:
            return
        if execution.past_timeout:
            self._struck(execution)
        match execution.executor:
            case Executor.PROCESS:
                self._processes.kill(execution)
            case Executor.ASYNC if execution.task is not None and execution.begun:
                execution.task.cancel()
            case _:
                pass
        self._loop.call_later(ABANDON_SECONDS, self._abandoned.add, execution, context=self._ours)

    def stop_all(self, why: Stop) -> None:
        """Tell every attempt to stop."""
        for execution in list(self.held.values()):
            self.stop(execution, why)

    def cancel(self, ids: Iterable[UUID]) -> None:
        """A cancel was requested for these jobs."""
        wanted = set(ids)
        for (job, attempt), execution in list(self.held.items()):
            if job in wanted:
                log.info("job.cancel_heard", job=str(job), attempt=attempt)
                self.stop(execution, Stop.CANCEL)

    def lose(self, pairs: Iterable[Held]) -> None:
        """These attempts are no longer ours: stop those that run. Outcomes on their way meet the fence."""
        for pair in pairs:
            execution = self.held.get(pair)
            if execution is not None and execution.ending is None:
                self._lose(execution)

    def lose_all(self) -> None:
        """This incarnation was taken for lost: nothing that it holds is ours any more."""
        for execution in list(self.held.values()):
            self._lose(execution)

    def _lose(self, execution: Execution) -> None:
        claimed = execution.claimed
        metrics.FENCED.labels("heartbeat").inc()
        log.warning("job.lost", job=str(claimed.id), attempt=claimed.attempt)
        self.forget(execution)
        if execution.ending is None:
            self._lost.add(execution)
        self.stop(execution, Stop.LOST)

    def holds(self, execution: Execution) -> bool:
        """Whether the attempt is still ours to write about."""
        return self.held.get((execution.claimed.id, execution.claimed.attempt)) is execution

    def forget(self, execution: Execution) -> None:
        """Its outcome is written, or will never be."""
        if self.holds(execution):
            del self.held[execution.claimed.id, execution.claimed.attempt]
            if not self.held:
                self._freed()

    def running(self) -> list[Execution]:
        """The attempts whose handlers have not ended."""
        return [execution for execution in list(self.held.values()) if execution.ending is None]

    def over_time(self) -> list[Execution]:
        """Coroutines that run and should have ended; from any thread."""
        return [one for one in self.running() if one.executor is Executor.ASYNC and one.over_for > 0]

    def blocking(self) -> Execution | None:
        """The attempt whose task the event loop runs now; from any thread."""
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

    def give_up(self) -> None:
        """Say how those end that go on past their timeout: this process is about to end, and with it they."""
        for execution in self.running():
            if execution.past_timeout:
                execution.not_before = GONE_SECONDS
                self._end(execution, Raised(execution.overdue_error()))

    def close(self) -> None:
        """Kill what can be killed."""
        self._processes.close()

    async def _run(self, execution: Execution) -> None:
        execution.begun = True
        try:
            ending = (
                await self._perform(execution) if execution.stop is None else raised(asyncio.CancelledError())
            )
        except BaseException as error:  # noqa: BLE001  # an attempt ends, whatever happens around it
            ending = raised(error)
        attribution.belong_to(None)
        self._end_forks()
        if execution.exit is not None:
            ending, execution.exit = raised(execution.exit), None
        if execution.ending is None:  # else it was given up meanwhile
            self._end(execution, ending)

    def _end_forks(self) -> None:
        """A fork of the handler that comes back is no worker: it would run on with the worker's connections."""
        if os.getpid() != self._pid:
            os._exit(0)

    def _end(self, execution: Execution, ending: Ending) -> None:
        execution.end(ending)
        self._lost.discard(execution)
        self._abandoned.remove(execution)
        if self._slots.free(execution.executor):
            self._freed()
        if execution.stop is not Stop.LOST:
            self._ended(execution)

    async def _perform(self, execution: Execution) -> Ending:
        claimed, declared = execution.claimed, execution.declared
        handler = declared.attached
        assert handler is not None
        if execution.executor is Executor.ASYNC:
            self._deadlines.arm(execution)
            execution.own()
            structlog.contextvars.bind_contextvars(job=claimed.id, attempt=claimed.attempt)
            context = self._context(execution) if handler.takes_context else None
            return await perform(declared, handler, claimed.payload, context)
        line = AttemptLink(execution, self._updates, self._services)
        if execution.executor is Executor.PROCESS:
            return await self._processes.run(execution, line, lambda: self._deadlines.arm(execution))
        self._deadlines.arm(execution)
        blocking = SyncContext(claimed, ThreadLink(line, self._loop), execution.expires)
        names: dict[str, Any] = {"job": claimed.id, "attempt": claimed.attempt}

        def work() -> Ending:
            execution.thread = threading.get_ident()
            attribution.belong_to((claimed.id, claimed.attempt))
            try:
                return perform_blocking(declared, handler, claimed.payload, blocking)
            finally:
                attribution.belong_to(None)
                execution.thread = None
                self._end_forks()

        return await self._threads.run(work, names)

    def _context(self, execution: Execution) -> Context:
        line = AttemptLink(execution, self._updates, self._services)
        return Context(execution.claimed, line, execution.expires)

    def _exited(self, attempt: Held, error: BaseException) -> None:
        """A task or a callback that the attempt started asked the process to end: it ends the attempt."""
        execution, said = self.held.get(attempt), frames.described(error)
        if execution is None or execution.ending is not None:
            log.error("job.exit_after_end", job=str(attempt[0]), attempt=attempt[1], error=said)
            return
        log.warning("job.exited", job=str(attempt[0]), attempt=attempt[1], error=said)
        execution.exit = execution.exit or error
        if execution.executor is Executor.ASYNC and execution.task is not None:
            execution.task.cancel()
            self._loop.call_later(ABANDON_SECONDS, self._abandoned.add, execution, context=self._ours)


def _start(coroutine: Any, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
    """A task; where Python can, one that begins at once and so may end without the loop's help."""
    if sys.version_info >= (3, 12):
        return WorkerTask(coroutine, loop=loop, eager_start=True)
    return WorkerTask(coroutine, loop=loop)
