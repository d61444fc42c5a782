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

from corral.actions.artifact_place import warn_where_away
from corral.catalog import Catalog
from corral.dispatch import Dispatch
from corral.dispatch.presence import Presence
from corral.job.options import Executor
from corral.settings import Settings
from corral.store import Beat, Store
from corral.store.workers.heartbeat import Heartbeat
from corral.tracing import activation
from corral_worker import STARTED
from corral_worker.attempts.executor import ABANDON_SECONDS, GONE_SECONDS
from corral_worker.claiming.claim_loop import POLL_SECONDS
from corral_worker.claiming.lane_order import LaneOrder
from corral_worker.claiming.slots import Slots, served
from corral_worker.engine import Engine
from corral_worker.lifecycle import exit_code, health, shutdown
from corral_worker.lifecycle.drain_requests import DrainRequestReader
from corral_worker.lifecycle.heartbeat import HeartbeatThread
from corral_worker.lifecycle.registration import Incarnation, Registration
from corral_worker.lifecycle.signals import Signals
from corral_worker.lifecycle.this_worker import ThisWorker
from corral_worker.lifecycle.worker_status import WorkerCondition, WorkerStatus
from corral_worker.own_process.blocked_loop import BlockedLoop
from corral_worker.own_process.loop_watchdog import LoopWatchdog
from corral_worker.own_process.threads import aside

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
        self._catalog, self._declared = catalog.handled(), catalog.queues()
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
            served(settings.queues, self._catalog, self._declared),
        )
        name = settings.worker_name or f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(3)}"
        activation.start("corral-worker", name)
        self._worker = ThisWorker(name, self._slots)
        self._signals = Signals(self._worker.stop)
        async with AsyncExitStack() as stack:
            self._store = Store.from_settings(settings, application_name=f"corral-worker {name}"[:63])
            stack.push_async_callback(self._store.close)
            self._dispatch = self._open_dispatch(settings.redis_url)
            stack.push_async_callback(self._dispatch.close)
            self._engine = Engine(
                settings,
                self._catalog,
                self._store,
                self._dispatch,
                worker=self._worker,
                slots=self._slots,
                abandon_seconds=self._abandon_seconds,
                poll_seconds=self._poll_seconds,
            )
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

    def _make_signs_of_life(self) -> None:
        """What tells others of this worker, and it of what they think and ask: heartbeat, health, drain requests."""
        settings, worker = self._settings, self._worker
        self._registration = Registration(self._store, self._slots, worker, self._engine.types)
        watchdog = LoopWatchdog()
        blocked_loop = BlockedLoop(
            watchdog,
            self._engine.attempts,
            self._engine.executor,
            self._signals,
            grace=settings.grace,
            abandon_seconds=self._abandon_seconds,
        )
        presence = Presence(
            settings.redis_url,
            worker.name,
            [lane.name for lane in LaneOrder(self._slots.queues).next()],
            period=settings.heartbeat,
            on_stop=lambda job: self._soon(self._engine.executor.cancel, [job]),
            on_shutdown=lambda: self._soon(worker.stop, "rq"),
        )
        status = WorkerStatus(
            pool=settings.pool,
            attempts=self._engine.attempts,
            finished=self._engine.finished,
            completer=self._engine.completer,
            loop=self._engine.claim_loop,
            slots=self._slots,
            seal=self._engine.seal,
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
            loop=self._engine.claim_loop,
            attempts=self._engine.attempts,
            executor=self._engine.executor,
            announcements=self._engine.announcements,
        )
        self._drain_requests = DrainRequestReader(
            worker,
            self._dispatch,
            loop=self._engine.claim_loop,
            attempts=self._engine.attempts,
            seal=self._engine.seal,
            hurry=self._heartbeat.hurry,
        )
        self._condition = WorkerCondition(
            worker,
            registration=self._registration,
            heartbeat=self._heartbeat,
            loop=self._engine.claim_loop,
            watchdog=watchdog,
            status=status,
            slots=self._slots,
            seal=self._engine.seal,
            types=self._engine.types,
            period=settings.heartbeat,
        )

    def _heard(self, incarnation: UUID, beat: Beat) -> None:
        """What Postgres answered to a heartbeat; the time to ask what operators set for job types, too."""
        self._incarnation.hear(incarnation, beat)
        self._engine.types_in_force.refresh()

    async def _work(self, incarnation: UUID) -> None:
        await self._engine.types_in_force.read()
        self._heartbeat.start(incarnation)
        writing = self._run(self._engine.completer.run(), "completions")
        claiming = self._run(self._engine.claim_loop.run(), "claims")
        orders = self._run(self._drain_requests.run(), "orders")
        asking = self._run(warn_where_away(self._store), "artifacts")
        log.info(
            "worker.ready",
            worker=self._worker.name,
            id=str(incarnation),
            queues=sorted(self._slots.queues),
            types=len(self._engine.types),
            slots={executor.value: size for executor, size in self._slots.sizes.items()},
            seconds=round(time.monotonic() - STARTED, 3),
        )
        await self._worker.stopping.wait()
        orders.cancel()
        asking.cancel()
        await asyncio.wait([claiming], timeout=CLAIM_SECONDS)
        if not claiming.done():  # it waits for Postgres to say what became of its last claim
            self._engine.claim_loop.give_up()
            await asyncio.wait([claiming], timeout=CLAIM_SECONDS)
        await self._leave(writing)

    async def _leave(self, writing: asyncio.Task[None]) -> None:
        """Finish or give back what runs, and say goodbye to Postgres: nothing is claimed any more."""
        code = self._worker.exit_code
        stubborn = await shutdown.finish_or_give_back(
            self._engine.attempts,
            self._engine.executor,
            self._engine.finished,
            self._engine.announcements,
            grace=self._settings.grace,
            at_once=self._worker.at_once,
        )
        self._heartbeat.close()
        await shutdown.until(lambda: not self._heartbeat.alive, HEARTBEAT_SECONDS)
        await self._engine.services.close()
        if stubborn:
            # What is written now says that they have ended: let that be true before anybody tries their jobs again.
            shutdown.end_within(GONE_SECONDS - 1, code)
            self._engine.executor.give_up()
            await shutdown.written(self._engine.finished)
        writing.cancel()
        if self._worker.incarnation is not None:
            await self._engine.keyed.close()
            await shutdown.say_goodbye(
                self._store.workers, self._worker.incarnation, self._engine.announcements
            )
        self._engine.executor.close()
        await aside(activation.stop)
        log.info(
            "worker.stopped", worker=self._worker.name, claimed=self._engine.claim_loop.claimed, code=code
        )
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
