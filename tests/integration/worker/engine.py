"""The parts of a worker that a job passes through, in this process: with a real store, a real Redis and real handlers.

Handlers wait at gates that a test opens, so that it waits for what happened and never for a time.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

from tests.integration.worker.system import System

from corral.catalog import Batch, Catalog, job_type
from corral.context import BatchJob
from corral.ids import new_id
from corral.job.backoff import Fixed
from corral.job.job import Claimed
from corral.job.options import Executor, Options
from corral.job_log import JobLog
from corral.store import Store
from corral_testing.values import worker_record
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import Completer, FinishedAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.attempts.keyed_announcements import KeyedAnnouncements
from corral_worker.attempts.timeouts import Timeouts
from corral_worker.attempts.updates import Updates, write_updates
from corral_worker.batches.options import BatchOptions
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.claiming.claiming import Claimer
from corral_worker.claiming.group_claiming import GroupClaimer
from corral_worker.claiming.slot_queue import SlotQueue
from corral_worker.claiming.slots import Slots
from corral_worker.context.services import WorkerServices
from corral_worker.lifecycle.seal import Seal
from corral_worker.lifecycle.this_worker import ThisWorker

QUEUE = "engine"
FAR = 3600.0
"""Seconds after which a loop looks by itself: no test lasts so long, so what it sees it was told."""
DEADLINE = 60.0


class Gate:
    """Where a handler says that it has begun, and waits."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.open = asyncio.Event()


gates: dict[str, Gate] = {}
threads: dict[str, threading.Event] = {}
batches: list[list[Any]] = []
"""The payloads of each batch, as the handler got them."""
sizes_in_force: dict[str, Batch] = {}
"""What an operator set for batches, by job type."""

echo = job_type("engine.echo", queue=QUEUE, retries=0)
gated = job_type("engine.gated", queue=QUEUE, retries=0)
raises = job_type("engine.raises", queue=QUEUE, retries=1, backoff=Fixed(60))
threaded = job_type("engine.threaded", queue=QUEUE, executor="thread", retries=0)
batched = job_type("engine.batched", queue=QUEUE, retries=0, batch=Batch(size=3, wait=FAR))
sleeps = job_type("engine.sleeps", queue=QUEUE, retries=0)
stuck = job_type("engine.stuck", queue=QUEUE, executor="thread", retries=0)


@echo.handler
async def _echo(payload: Any) -> Any:
    return payload


@gated.handler
async def _gated(payload: Any) -> Any:
    gate = gates[payload]
    gate.begun.set()
    await gate.open.wait()
    return payload


@sleeps.handler
async def _sleeps(seconds: float) -> None:
    if seconds:
        await asyncio.sleep(seconds)


@raises.handler
async def _raises(payload: Any) -> Any:
    raise ValueError(payload)


@threaded.handler
def _threaded(payload: Any) -> Any:
    return payload


@stuck.handler
def _stuck(payload: Any) -> Any:
    threads[payload].wait()
    return payload


@batched.handler
async def _batched(jobs: Sequence[BatchJob[Any]]) -> None:
    batches.append([job.payload for job in jobs])
    for payload in [job.payload for job in jobs]:
        if payload in gates:
            gates[payload].begun.set()
            await gates[payload].open.wait()


TYPES = {one.name: one for one in (echo, gated, raises, threaded, sleeps, stuck, batched)}


def sizes_in_force_of(job_type: str) -> Options | None:
    batch = sizes_in_force.get(job_type)
    return None if batch is None else Options(batch=batch)


class Engine:
    """One worker's parts, made as `Worker` makes them; nothing runs before a test starts it."""

    def __init__(
        self,
        system: System,
        store: Store,
        *,
        limit: int | None = None,
        quick_runs: int = sys.maxsize,
        hold_seconds: float = FAR,
        name: str = "engine-a",
        **sizes: int,
    ) -> None:
        """With `quick_runs` runs in a row that ended at once, more jobs of the type are claimed than slots are free."""
        self.system, self.store, self.dispatch = system, store, system.dispatch
        self.catalog = Catalog(TYPES)
        chosen = {Executor(name): size for name, size in (sizes or {"async": 2, "thread": 4}).items()}
        self.slots = Slots(chosen, self.catalog, frozenset({QUEUE}))
        self.worker = ThisWorker(name, self.slots)
        self.announcements = Announcements(self.dispatch)
        self.seal = Seal()
        self.job_log = JobLog("none", "info", "console")
        self.updates = Updates(partial(write_updates, store, self.dispatch))
        self.services = WorkerServices(store, self.dispatch, max_payload=1000)
        self.attempts = HeldAttempts(self.slots)
        self.finished = FinishedAttempts(self.slots, limit)
        self.timeouts = Timeouts(store.attempts, self.worker)
        options = BatchOptions(self.catalog, sizes_in_force_of)
        self.executor = AttemptExecutor(
            self.catalog,
            self.attempts,
            worker=self.worker,
            slots=self.slots,
            updates=self.updates,
            services=self.services,
            timeouts=self.timeouts,
            finished=self.finished,
            job_log=self.job_log,
            batches=options,
            abandon_seconds=0.05,
        )
        self.completer = Completer(
            store.attempts,
            self.finished,
            self.attempts,
            worker=self.worker,
            updates=self.updates,
            announcements=self.announcements,
            job_log=self.job_log,
            keyed_follow_ups=KeyedAnnouncements(store.keyed_follow_ups, self.announcements.new),
        )
        claiming = Claimer(store.claims, sorted(TYPES))
        self.claim_loop = ClaimLoop(
            self.worker,
            self.dispatch,
            claiming=claiming,
            group_claiming=GroupClaimer(store.limit_claims, claiming, sorted(TYPES), options.all),
            attempts=self.attempts,
            executor=self.executor,
            finished=self.finished,
            announcements=self.announcements,
            slots=self.slots,
            slot_queue=SlotQueue(
                store.claims,
                self.executor,
                self.attempts,
                self.announcements,
                slots=self.slots,
                hold_seconds=hold_seconds,
            ),
            seal=self.seal,
            poll_seconds=FAR,
            quick_runs=quick_runs,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def register(self) -> UUID:
        """Become an incarnation."""
        self.worker.incarnation = new_id()
        await self.system.store.workers.register(
            worker_record(
                id=self.worker.incarnation,
                name=self.worker.name,
                queues=(QUEUE,),
                types=tuple(TYPES),
                slots={},
            )
        )
        return self.worker.incarnation

    def run(self, *parts: ClaimLoop | Completer) -> None:
        """Let these work, until the end of the test."""
        self._tasks += [asyncio.create_task(part.run()) for part in parts]

    async def submit(self, job_type: str, payload: Any = None, **fields: Any) -> UUID:
        (job,) = await self.system.submit(job_type, payload, queue=QUEUE, **fields)
        return job

    async def claimed(self, job_type: str, payload: Any = None, **fields: Any) -> Claimed:
        """A job that this worker has claimed, and not begun."""
        job = await self.submit(job_type, payload, **fields)
        assert self.worker.incarnation is not None
        answer = await self.system.store.claims.claim(
            self.worker.incarnation, new_id(), [job], sorted(TYPES), alone=False
        )
        (claimed,) = answer.claimed
        return claimed

    async def ended(self) -> Execution:
        """The attempt that ended next, taken out of the queue."""
        async with asyncio.timeout(DEADLINE):
            (execution,) = await self.finished.take()
        self.finished.done()
        return execution

    async def written(self) -> None:
        """Until everything that has ended is written."""
        async with asyncio.timeout(DEADLINE):
            await self.finished.written()

    async def begun(self, gate: str) -> None:
        async with asyncio.timeout(DEADLINE):
            await gates[gate].begun.wait()

    async def close(self) -> None:
        for one in gates.values():
            one.open.set()
        for event in threads.values():
            event.set()
        if not self.worker.stopping.is_set():
            self.worker.stop("the test")
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        self.executor.close()
        await self.announcements.close()
        await self.services.close()
        for end in ends:
            if isinstance(end, Exception):  # why nothing moved any more
                raise end


@asynccontextmanager
async def engine_of(system: System, store: Store | None = None, **options: Any) -> AsyncIterator[Engine]:
    """A registered engine; its gates are new."""
    gates.clear()
    threads.clear()
    batches.clear()
    sizes_in_force.clear()
    gates.update({name: Gate() for name in ("a", "b", "c")})
    threads["a"] = threading.Event()
    engine = Engine(system, store or system.store, **options)
    await engine.register()
    try:
        yield engine
    finally:
        await engine.close()
