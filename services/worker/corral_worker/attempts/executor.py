"""Runs attempts: one function takes an attempt from its claim to its outcome, and others stop it on the way."""

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from corral import frames
from corral.catalog import Catalog
from corral.catalog.handler import Handler
from corral.context import Context, SyncContext
from corral.job.job import Claimed
from corral.job.options import Executor, Options
from corral.job.outcome import Finished
from corral.job_log import JobLog
from corral_worker.attempts.attempts import Abandoned, HeldAttempts
from corral_worker.attempts.completer import FinishedAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Ending, Raised, perform, perform_blocking, raised
from corral_worker.attempts.outcomes import Stop
from corral_worker.attempts.timeouts import Deadlines, Timeouts
from corral_worker.attempts.updates import Updates
from corral_worker.batches.options import BatchOptions
from corral_worker.batches.runner import BatchRunner
from corral_worker.child_processes.child_run import ChildRun
from corral_worker.child_processes.processes import Processes
from corral_worker.claiming.slots import Slots
from corral_worker.context.link import AttemptLink
from corral_worker.context.offered_services import HandlerServices
from corral_worker.lifecycle.this_worker import ThisWorker
from corral_worker.own_process import attribution
from corral_worker.own_process.attribution import Held
from corral_worker.own_process.event_loop import start_task
from corral_worker.own_process.thread_link import ThreadLink
from corral_worker.own_process.threads import Threads

log = structlog.get_logger(__name__)

ABANDON_SECONDS = 5.0
"""How long a handler that was told to stop may take before it is shown as abandoned."""
GONE_SECONDS = 5.0
"""A job whose handler still runs here is not tried again before: by then this process has ended for certain."""


class AttemptExecutor:
    """Starts, runs and stops the attempts of one worker. Belongs to the event loop."""

    batch_runner: type[BatchRunner] = BatchRunner

    def __init__(
        self,
        catalog: Catalog,
        attempts: HeldAttempts,
        *,
        worker: ThisWorker,
        slots: Slots,
        updates: Updates,
        services: HandlerServices,
        timeouts: Timeouts,
        finished: FinishedAttempts,
        job_log: JobLog,
        settled: Callable[[Claimed], Options | None] = lambda _: None,
        batches: BatchOptions | None = None,
        abandon_seconds: float = ABANDON_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._attempts = attempts
        self._slots = slots
        self._updates = updates
        self._services = services
        self._timeouts = timeouts
        self._finished = finished
        self._job_log = job_log
        self._settled = settled
        self._abandon_seconds = abandon_seconds
        self._loop = asyncio.get_running_loop()
        self._ours = contextvars.Context()
        """The context of timers that are set while a handler's code runs: they belong to the worker, not to that handler."""
        exits = getattr(self._loop, "exits", None)
        if exits is not None:
            exits.hear = self._exited
        self._pid = os.getpid()
        self._threads = Threads(slots.sizes.get(Executor.THREAD, 0))
        self._processes = Processes(slots.sizes.get(Executor.PROCESS, 0))
        self._deadlines = Deadlines(attempts.running, lambda execution: self.stop(execution, Stop.TIMEOUT))
        self._abandoned = Abandoned(slots, worker)
        self._batches = self.batch_runner(
            batches or BatchOptions(catalog, lambda _: None),
            attempts,
            slots=slots,
            abandoned=self._abandoned,
            threads=self._threads,
            processes=self._processes,
            deadlines=self._deadlines,
            settled=settled,
            link=self._link,
            finish=self._finish,
            end_forks=self._end_forks,
        )

    def start(self, claimed: Sequence[Claimed]) -> None:
        """Start the handlers of claimed jobs."""
        self._job_log.started(claimed)
        for job in self._batches.start(claimed):
            self._start(self.hold(job))

    def may_wait(self, job: Claimed) -> bool:
        """Whether a job may be claimed before it has a slot: it runs on the event loop, and by itself."""
        alone = not self._batches.takes(job.type)
        return alone and self._catalog.types[job.type].executor is Executor.ASYNC

    def hold(self, job: Claimed) -> Execution:
        """Hold a claimed job, which has no slot yet."""
        execution = Execution(job, self._catalog.types[job.type], partial(self._settled, job))
        self._attempts.add(execution)
        return execution

    def begin(self, held: Sequence[Execution]) -> list[Claimed]:
        """Start the handlers of jobs that were held; these jobs."""
        jobs = [execution.claimed for execution in held]
        self._job_log.started(jobs)
        for execution in held:
            execution.ahead, execution.started = True, time.monotonic()
            self._start(execution)
        return jobs

    def _start(self, execution: Execution) -> None:
        self._slots.take(execution.executor)
        execution.task = start_task(self.run(execution), self._loop)

    async def run(self, execution: Execution) -> Finished:
        """One attempt, from its start to what is written of it. Never raises: however it ends, that is an outcome."""
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
        return execution.finished or self._finish(execution, ending)  # it may have been given up meanwhile

    def _finish(self, execution: Execution, ending: Ending) -> Finished:
        """Its handler has ended: the outcome is decided, its slot is free, and the completer gets it."""
        finished = execution.finish(ending)
        self._attempts.ended(execution)
        if execution.batch is None:
            self._abandoned.remove(execution)
            self._slots.free(execution.executor)
        if execution.stop is not Stop.LOST:  # a lost one is not ours to write about
            self._updates.close(execution)
            self._finished.add(execution)
        return finished

    async def _perform(self, execution: Execution) -> Ending:
        """Call the handler where its executor says: on the event loop, in a thread, in a child process."""
        claimed, declared = execution.claimed, execution.declared
        handler = declared.attached
        assert handler is not None
        if execution.executor is Executor.ASYNC:
            self._deadlines.arm(execution)
            execution.own()
            structlog.contextvars.bind_contextvars(job=claimed.id, attempt=claimed.attempt)
            context = (
                Context(claimed, self._link(execution), execution.expires) if handler.takes_context else None
            )
            return await perform(declared, handler, claimed.payload, context)
        if execution.executor is Executor.PROCESS:
            run = ChildRun({execution: self._link(execution)})
            return await self._processes.run(run, lambda: self._deadlines.arm(execution))
        return await self._perform_in_thread(execution, handler)

    async def _perform_in_thread(self, execution: Execution, handler: Handler) -> Ending:
        claimed, declared = execution.claimed, execution.declared
        self._deadlines.arm(execution)
        blocking = SyncContext(claimed, ThreadLink(self._link(execution), self._loop), execution.expires)
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

    def _link(self, execution: Execution) -> AttemptLink:
        return AttemptLink(execution, self._updates, self._services)

    def _end_forks(self) -> None:
        """End this process if it is a fork that a handler left: it would run on with the worker's connections."""
        if os.getpid() != self._pid:
            os._exit(0)

    def stop(self, execution: Execution, why: Stop) -> None:
        """Tell an attempt to stop; the first reason stays, except that a lost one is lost."""
        if execution.ending is not None:
            return
        told = execution.stop is not None
        if not told or why is Stop.LOST:
            execution.stop = why
        if told:
            return
        if execution.batch is not None:
            execution.batch.tell(why)
            if not execution.batch.stopped:
                return  # the handler goes on for the others, and can ask what this one was told
        self.see_to_end(execution)

    def see_to_end(self, execution: Execution) -> None:
        """End the handler of an attempt that was told to stop, as far as that is possible: a thread can't be ended."""
        if execution.ending is not None:
            return
        batch = execution.batch
        for one in (execution,) if batch is None else batch.running:
            if one.past_timeout:
                self._timeouts.struck(one)
        match execution.executor:
            case Executor.PROCESS:
                self._processes.kill(execution if batch is None else batch.in_child)
            case Executor.ASYNC if execution.task is not None and execution.begun:
                execution.task.cancel()
            case _:
                pass
        self._abandon_later(execution)

    def stop_all(self, why: Stop) -> None:
        """Tell every attempt to stop."""
        for execution in list(self._attempts.held.values()):
            self.stop(execution, why)

    def cancel(self, ids: Iterable[UUID]) -> None:
        """Stop the attempts of these jobs: somebody cancelled them."""
        wanted = set(ids)
        for (job, attempt), execution in list(self._attempts.held.items()):
            if job in wanted:
                log.info("job.cancel_heard", job=str(job), attempt=attempt)
                self.stop(execution, Stop.CANCEL)

    def lose(self, pairs: Iterable[Held]) -> None:
        """Stop those of these attempts that run: Postgres says that they are no longer ours. Outcomes on their way meet the fence."""
        for pair in pairs:
            execution = self._attempts.held.get(pair)
            if execution is not None and execution.ending is None:
                self._lose(execution)

    def lose_all(self) -> None:
        """Stop every attempt: this incarnation was taken for lost, so nothing that it holds is ours any more."""
        for execution in list(self._attempts.held.values()):
            self._lose(execution)

    def give_up(self) -> None:
        """End the attempts that go on past their timeout as that error: the process is about to end, and their handlers with it."""
        for execution in self._attempts.running():
            if execution.past_timeout:
                execution.not_before = GONE_SECONDS
                self._finish(execution, Raised(execution.overdue_error()))

    def close(self) -> None:
        """Kill the child processes, and let idle threads end: nothing is started after this."""
        self._processes.close()
        self._threads.close()

    def _lose(self, execution: Execution) -> None:
        log.warning("job.lost", job=str(execution.claimed.id), attempt=execution.claimed.attempt)
        self._attempts.lose(execution)
        self.stop(execution, Stop.LOST)

    def _exited(self, attempt: Held, error: BaseException) -> None:
        """End an attempt of which a task or a callback asked the whole process to end."""
        execution, said = self._attempts.held.get(attempt), frames.described(error)
        if execution is None or execution.ending is not None:
            log.error("job.exit_after_end", job=str(attempt[0]), attempt=attempt[1], error=said)
            return
        log.warning("job.exited", job=str(attempt[0]), attempt=attempt[1], error=said)
        if execution.batch is None:
            execution.exit = execution.exit or error
        else:
            execution.batch.exit = execution.batch.exit or error
        if execution.executor is Executor.ASYNC and execution.task is not None:
            execution.task.cancel()
            self._abandon_later(execution)

    def _abandon_later(self, execution: Execution) -> None:
        """Show it as abandoned, unless it ends soon."""
        self._loop.call_later(self._abandon_seconds, self._abandoned.add, execution, context=self._ours)
