"""Runs batches: several attempts in one call of their handler, which has one slot; each ends by itself (rule 14)."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import structlog

from corral import metrics
from corral.job.job import Claimed
from corral.job.options import Executor, Options
from corral.job.outcome import ErrorKind
from corral_worker.attempts.attempts import Abandoned, HeldAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.handler_call import Died, Ending, Raised, Returned, raised
from corral_worker.attempts.timeouts import Deadlines
from corral_worker.batches.call import BatchCall, contexts, perform_batch, perform_batch_blocking
from corral_worker.batches.execution import BatchExecution, batches_of
from corral_worker.batches.options import BatchOptions
from corral_worker.child_processes.child_run import ChildRun
from corral_worker.child_processes.processes import Processes
from corral_worker.claiming.slots import Slots
from corral_worker.context.link import AttemptLink
from corral_worker.own_process import attribution
from corral_worker.own_process.event_loop import start_task
from corral_worker.own_process.thread_link import ThreadLink
from corral_worker.own_process.threads import Threads

log = structlog.get_logger(__name__)


class BatchRunner:
    """Calls handlers with the jobs of batches. Belongs to the event loop."""

    def __init__(
        self,
        batches: BatchOptions,
        attempts: HeldAttempts,
        *,
        slots: Slots,
        abandoned: Abandoned,
        threads: Threads,
        processes: Processes,
        deadlines: Deadlines,
        settled: Callable[[Claimed], Options | None],
        link: Callable[[Execution], AttemptLink],
        finish: Callable[[Execution, Ending], object],
        end_forks: Callable[[], None],
    ) -> None:
        """`finish` takes the ending of one attempt; the others are as for attempts that run by themselves."""
        self._batches = batches
        self._attempts = attempts
        self._slots = slots
        self._abandoned = abandoned
        self._settled = settled
        self._threads = threads
        self._processes = processes
        self._deadlines = deadlines
        self._link = link
        self._finish = finish
        self._end_forks = end_forks
        self._loop = asyncio.get_running_loop()

    def takes(self, job_type: str) -> bool:
        """Whether the handler of a type gets several jobs at once."""
        return job_type in self._batches.types

    def start(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """Start the handlers of those of the jobs that they get together; the others, each of which runs by itself."""
        types = self._batches.types
        if not types:
            return claimed
        together = [job for job in claimed if job.type in types]
        for jobs in batches_of(together, lambda job: self._batches.of(job.type)):
            declared = types[jobs[0].type]
            settled = partial(self._settled, jobs[0])  # they are of one type and queue
            batch = BatchExecution([Execution(job, declared, settled) for job in jobs])
            for one in batch.members:
                self._attempts.add(one)
            self._slots.take(declared.executor)
            task = start_task(self._run(batch), self._loop)
            for one in batch.members:
                one.task = task
        return [job for job in claimed if job.type not in types]

    async def _run(self, batch: BatchExecution) -> None:
        await self.run(batch)
        self._abandoned.remove(batch.lead)
        self._slots.free(batch.lead.executor)

    async def run(self, batch: BatchExecution) -> None:
        """One call of a handler, until each attempt of the batch has its ending. Never raises."""
        metrics.BATCH_JOBS.labels(batch.lead.claimed.queue, batch.lead.claimed.type).observe(
            len(batch.members)
        )
        for one in batch.members:
            one.begun = True
        try:
            ending = await self._perform(batch)
        except BaseException as error:  # noqa: BLE001  # attempts end, whatever happens around them
            ending = raised(error)
        attribution.belong_to(None)
        self._end_forks()
        if batch.exit is not None:
            ending = raised(batch.exit)
        for one in batch.running:
            self._finish(one, ending)

    async def _perform(self, batch: BatchExecution) -> Ending:
        """Call the handler where its executor says; the ending of the jobs that have none of their own then."""
        wanted = [one for one in batch.running if one.stop is None]
        if not wanted:
            return raised(asyncio.CancelledError())
        match batch.lead.executor:
            case Executor.ASYNC:
                return await self._on_loop(batch, wanted)
            case Executor.THREAD:
                return await self._in_thread(batch, wanted)
            case Executor.PROCESS:
                return await self._in_child(batch, wanted)

    async def _on_loop(self, batch: BatchExecution, wanted: Sequence[Execution]) -> Ending:
        self._arm(batch)
        lead = batch.lead
        lead.own()
        structlog.contextvars.bind_contextvars(job=lead.claimed.id, attempt=lead.claimed.attempt)
        by_id = {one.claimed.id: one for one in wanted}
        make = contexts(True, lambda claimed: self._link(by_id[claimed.id]), lead.expires)

        def settle(claimed: Claimed, ending: Returned | Raised) -> None:
            self._settle(by_id[claimed.id], ending)

        handler = lead.declared.attached
        assert handler is not None
        call = BatchCall(
            lead.declared,
            [one.claimed for one in wanted],
            make,
            settle,
            is_async=True,
            told=lambda one: by_id[one.id].stop is not None,
        )
        return await perform_batch(handler, call)

    async def _in_thread(self, batch: BatchExecution, wanted: Sequence[Execution]) -> Ending:
        self._arm(batch)
        lead, declared = batch.lead, batch.lead.declared
        handler = declared.attached
        assert handler is not None
        by_id = {one.claimed.id: one for one in wanted}
        links = {one.claimed.id: ThreadLink(self._link(one), self._loop) for one in wanted}
        make = contexts(False, lambda claimed: links[claimed.id], lead.expires)
        names: dict[str, Any] = {"job": lead.claimed.id, "attempt": lead.claimed.attempt}

        def settle(claimed: Claimed, ending: Returned | Raised) -> None:
            self._loop.call_soon_threadsafe(self._settle, by_id[claimed.id], ending)

        def work() -> Ending:
            thread = threading.get_ident()
            for one in wanted:
                one.thread = thread
            attribution.belong_to((lead.claimed.id, lead.claimed.attempt))
            try:
                claimed = [one.claimed for one in wanted]
                call = BatchCall(
                    declared,
                    claimed,
                    make,
                    settle,
                    is_async=False,
                    told=lambda one: by_id[one.id].stop is not None,
                )
                return perform_batch_blocking(handler, call)
            finally:
                attribution.belong_to(None)
                for one in wanted:
                    one.thread = None
                self._end_forks()

        return await self._threads.run(work, names)

    async def _in_child(self, batch: BatchExecution, wanted: Sequence[Execution]) -> Ending:
        ending = await self._child(batch, wanted)
        rest = [one for one in wanted if one.ending is None and one.stop is None]
        if not _child_is_gone(ending) or len(rest) < 2:
            return ending
        # One of them may have ended the process, and would end it for its neighbours at each try: each has its own now.
        log.warning("batch.child_died", type=batch.lead.claimed.type, jobs=len(rest))
        for one in rest:
            if one.ending is None and one.stop is None:
                alone = await self._child(batch, [one])
                if one.ending is None:
                    self._finish(one, alone)
        return ending

    async def _child(self, batch: BatchExecution, wanted: Sequence[Execution]) -> Ending:
        run = ChildRun({one: self._link(one) for one in wanted}, self._settle)
        batch.in_child = run.lead
        return await self._processes.run(run, lambda: self._arm(batch))

    def _arm(self, batch: BatchExecution) -> None:
        for one in batch.running:
            self._deadlines.arm(one)

    def _settle(self, execution: Execution, ending: Returned | Raised) -> None:
        """A job of the batch has its ending while its handler goes on."""
        if execution.ending is None:
            self._finish(execution, ending)


def _child_is_gone(ending: Ending) -> bool:
    """Whether the handler did not end by itself, but with its process."""
    if isinstance(ending, Raised):
        return ending.error.kind in (ErrorKind.EXIT, ErrorKind.MEMORY)
    return isinstance(ending, Died)
