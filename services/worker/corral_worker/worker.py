"""A worker's life: it registers, claims and runs jobs, and leaves nothing behind when it stops."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from corral.catalog import Catalog
from corral.dispatch import Dispatch
from corral.dispatch.presence import Presence
from corral.job.options import Executor
from corral.job_log import JobLog
from corral.settings import Settings
from corral.store import Beat, Store
from corral.store.heartbeat import Heartbeat
from corral_worker import STARTED, exit_code, health, shutdown
from corral_worker.announcements import Announcements
from corral_worker.attempts import HeldAttempts
from corral_worker.batch_options import BatchOptions
from corral_worker.blocked_loop import BlockedLoop
from corral_worker.claim_loop import POLL_SECONDS, ClaimLoop, LaneOrder
from corral_worker.claiming import Claimer
from corral_worker.completer import Completer, FinishedAttempts
from corral_worker.drain_requests import DrainRequestReader
from corral_worker.executor import ABANDON_SECONDS, GONE_SECONDS, AttemptExecutor
from corral_worker.group_claiming import GroupClaimer
from corral_worker.handler_services import WorkerServices
from corral_worker.heartbeat import HeartbeatThread
from corral_worker.keyed_announcements import KeyedAnnouncements
from corral_worker.loop_watchdog import LoopWatchdog
from corral_worker.registration import Incarnation, Registration
from corral_worker.seal import Seal
from corral_worker.signals import Signals
from corral_worker.slots import Slots, served
from corral_worker.this_worker import ThisWorker
from corral_worker.timeouts import Timeouts
from corral_worker.types_in_force import TypesInForce
from corral_worker.updates import Updates, write_updates
from corral_worker.worker_status import WorkerCondition, WorkerStatus

log = structlog.get_logger(__name__)

CLAIM_SECONDS = 10.0
"""How long a stopping worker waits for the answer to its last claim: longer than the claim may take."""
HEARTBEAT_SECONDS = 5.0
"""How long the last heartbeat may take."""


class Worker:
    """One worker process. `run` returns its exit code."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        open_dispatch: Callable[[str], Dispatch] = Dispatch.open,
        *,
        abandon_seconds: float = ABANDON_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._settings = settings
        self._open_dispatch = open_dispatch
        self._catalog = catalog.handled()
        self._abandon_seconds = abandon_seconds
        self._poll_seconds = poll_seconds

    async def run(self) -> int:
        """Work until told to stop."""
        settings = self._settings
        self._loop = asyncio.get_running_loop()
        self._slots = Slots(
            {
                Executor.ASYNC: settings.slots_async,
                Executor.THREAD: settings.slots_thread,
                Executor.PROCESS: settings.slots_process,
            },
            self._catalog,
            served(settings.queues, self._catalog),
        )
        name = settings.worker_name or f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(3)}"
        self._worker = ThisWorker(name, self._slots)
        self._signals = Signals(self._worker.stop)
        async with AsyncExitStack() as stack:
            self._store = Store.from_settings(settings, application_name=f"corral-worker {name}"[:63])
            stack.push_async_callback(self._store.close)
            self._dispatch = self._open_dispatch(settings.redis_url)
            stack.push_async_callback(self._dispatch.close)
            self._make_engine()
            self._make_signs_of_life()
            if settings.worker_port:
                server = health.serve(settings.worker_host, settings.worker_port, self._condition.told)
                if server is None:
                    return exit_code.CONFIG
                stack.callback(server.close)
            if not await self._registration.schema_fits():
                return self._worker.exit_code
            incarnation = await self._incarnation.begin()
            if incarnation is not None:
                await self._work(incarnation)
        return self._worker.exit_code

    def stop(self) -> None:
        """Stop, as at a SIGTERM."""
        self._worker.stop()

    def _make_engine(self) -> None:
        """What a job passes through: claimed, executed, its outcome written and announced."""
        settings, store, worker, slots = self._settings, self._store, self._worker, self._slots
        job_log = JobLog(settings.log_jobs, settings.log_level, settings.log_format)
        self._types = sorted(one.name for one in self._catalog if one.executor in slots.sizes)
        self._seal = Seal()
        self._announcements = Announcements(self._dispatch)
        self._types_in_force = TypesInForce(store, settings.installation_options)
        self._services = WorkerServices(
            store,
            self._dispatch,
            job_log=job_log,
            max_payload=settings.max_payload_bytes,
            types=self._types_in_force.known,
            settings=settings,
        )
        batches = BatchOptions(self._catalog, self._types_in_force.of_type)
        updates = Updates(partial(write_updates, store, self._dispatch))
        self._attempts = HeldAttempts(slots)
        self._finished = FinishedAttempts(slots)
        self._executor = AttemptExecutor(
            self._catalog,
            self._attempts,
            worker=worker,
            slots=slots,
            updates=updates,
            services=self._services,
            timeouts=Timeouts(store.attempts, worker),
            finished=self._finished,
            job_log=job_log,
            settled=self._types_in_force.options,
            batches=batches,
            abandon_seconds=self._abandon_seconds,
        )
        self._keyed = KeyedAnnouncements(store.keyed_follow_ups, self._announcements.new)
        self._completer = Completer(
            store.attempts,
            self._finished,
            self._attempts,
            worker=worker,
            updates=updates,
            announcements=self._announcements,
            job_log=job_log,
            keyed_follow_ups=self._keyed,
        )
        claiming = Claimer(store.claims, self._types, self._types_in_force.limited)
        self._claim_loop = ClaimLoop(
            worker,
            self._dispatch,
            claiming=claiming,
            group_claiming=GroupClaimer(store.limit_claims, claiming, self._types, batches.all),
            attempts=self._attempts,
            executor=self._executor,
            finished=self._finished,
            announcements=self._announcements,
            slots=slots,
            seal=self._seal,
            poll_seconds=self._poll_seconds,
        )

    def _make_signs_of_life(self) -> None:
        """What tells others of this worker, and it of what they think and ask: heartbeat, health, drain requests."""
        settings, worker = self._settings, self._worker
        self._registration = Registration(self._store, self._slots, worker, self._types)
        watchdog = LoopWatchdog()
        blocked_loop = BlockedLoop(
            watchdog,
            self._attempts,
            self._executor,
            self._signals,
            grace=settings.grace,
            abandon_seconds=self._abandon_seconds,
        )
        presence = Presence(
            settings.redis_url,
            worker.name,
            [lane.name for lane in LaneOrder(self._slots.queues).next()],
            period=settings.heartbeat,
            on_stop=lambda job: self._soon(self._executor.cancel, [job]),
            on_shutdown=lambda: self._soon(worker.stop, "rq"),
        )
        status = WorkerStatus(
            pool=settings.pool,
            attempts=self._attempts,
            finished=self._finished,
            completer=self._completer,
            loop=self._claim_loop,
            slots=self._slots,
            seal=self._seal,
        )
        self._heartbeat = HeartbeatThread(
            partial(Heartbeat, settings.direct_url, settings.schema),
            presence,
            blocked_loop.look,
            period=settings.heartbeat,
            report=status.report,
            hear=lambda incarnation, beat: self._soon(self._heard, incarnation, beat),
        )
        self._incarnation = Incarnation(
            worker,
            registration=self._registration,
            heartbeat=self._heartbeat,
            loop=self._claim_loop,
            attempts=self._attempts,
            executor=self._executor,
            announcements=self._announcements,
        )
        self._drain_requests = DrainRequestReader(
            worker,
            self._dispatch,
            loop=self._claim_loop,
            attempts=self._attempts,
            seal=self._seal,
            hurry=self._heartbeat.hurry,
        )
        self._condition = WorkerCondition(
            worker,
            registration=self._registration,
            heartbeat=self._heartbeat,
            loop=self._claim_loop,
            watchdog=watchdog,
            status=status,
            slots=self._slots,
            seal=self._seal,
            types=self._types,
            period=settings.heartbeat,
        )

    def _heard(self, incarnation: UUID, beat: Beat) -> None:
        """What Postgres answered to a heartbeat; the time to ask what operators set for job types, too."""
        self._incarnation.hear(incarnation, beat)
        self._types_in_force.refresh()

    async def _work(self, incarnation: UUID) -> None:
        await self._types_in_force.read()
        self._heartbeat.start(incarnation)
        writing = self._run(self._completer.run(), "completions")
        claiming = self._run(self._claim_loop.run(), "claims")
        orders = self._run(self._drain_requests.run(), "orders")
        log.info(
            "worker.ready",
            worker=self._worker.name,
            id=str(incarnation),
            queues=sorted(self._slots.queues),
            types=len(self._types),
            slots={executor.value: size for executor, size in self._slots.sizes.items()},
            seconds=round(time.monotonic() - STARTED, 3),
        )
        await self._worker.stopping.wait()
        orders.cancel()
        await asyncio.wait([claiming], timeout=CLAIM_SECONDS)
        if not claiming.done():  # it waits for Postgres to say what became of its last claim
            self._claim_loop.give_up()
            await asyncio.wait([claiming], timeout=CLAIM_SECONDS)
        await self._leave(writing)

    async def _leave(self, writing: asyncio.Task[None]) -> None:
        """Finish or give back what runs, and say goodbye to Postgres: nothing is claimed any more."""
        code = self._worker.exit_code
        stubborn = await shutdown.finish_or_give_back(
            self._attempts,
            self._executor,
            self._finished,
            self._announcements,
            grace=self._settings.grace,
            at_once=self._worker.at_once,
        )
        self._heartbeat.close()
        await shutdown.until(lambda: not self._heartbeat.alive, HEARTBEAT_SECONDS)
        await self._services.close()
        if stubborn:
            # What is written now says that they have ended: let that be true before anybody tries their jobs again.
            shutdown.end_within(GONE_SECONDS - 1, code)
            self._executor.give_up()
            await shutdown.written(self._finished)
        writing.cancel()
        if self._worker.incarnation is not None:
            await self._keyed.close()
            await shutdown.say_goodbye(self._store.workers, self._worker.incarnation, self._announcements)
        self._executor.close()
        log.info("worker.stopped", worker=self._worker.name, claimed=self._claim_loop.claimed, code=code)
        if stubborn:
            # Their threads would run on while the interpreter tears itself down.
            await self._dispatch.close()
            os._exit(code)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a part for the worker's whole life. If it ends early, the worker ends, to be started again."""
        task = self._loop.create_task(work, name=name)
        task.add_done_callback(self._ended_early)
        return task

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        if self._worker.stopping.is_set():
            return
        error = None if task.cancelled() else task.exception()
        if error is not None or task.cancelled():
            log.critical("worker.broken", task=task.get_name(), exc_info=error, cancelled=task.cancelled())
            self._worker.restart()

    def _soon(self, call: Any, *arguments: Any) -> None:
        """Make a call on the event loop, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)
