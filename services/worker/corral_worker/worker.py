"""A worker's life: it registers, claims and runs jobs, and leaves nothing behind when it stops."""

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
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
from corral.store import Store
from corral.store.heartbeat import Heartbeat
from corral_worker import STARTED, exit_code, shutdown
from corral_worker.announcements import Announcements
from corral_worker.attempts import GONE_SECONDS, HeldAttempts
from corral_worker.blocked_loop import BlockedLoop
from corral_worker.claim_loop import ClaimLoop
from corral_worker.claiming import Claimer
from corral_worker.completer import Completer
from corral_worker.drain_requests import DrainRequestReader
from corral_worker.handler_services import WorkerServices
from corral_worker.health import Health
from corral_worker.heartbeat import HeartbeatThread
from corral_worker.lane_order import LaneOrder
from corral_worker.loop_watchdog import LoopWatchdog
from corral_worker.registration import Incarnation, Registration
from corral_worker.seal import Seal
from corral_worker.signals import Signals
from corral_worker.slots import Slots, served
from corral_worker.timeouts import Timeouts
from corral_worker.updates import Updates, write_updates
from corral_worker.worker_status import WorkerCondition, WorkerStatus

log = structlog.get_logger(__name__)

CLAIM_SECONDS = 10.0
"""How long a stopping worker waits for the answer to its last claim: longer than the claim may take."""
HEARTBEAT_SECONDS = 5.0
"""How long the last heartbeat may take."""
MIN_HELD_OUTCOMES = 500
"""Outcomes that are held while Postgres is away, at least; otherwise four for each slot."""


class Worker:
    """One worker process. `run` returns its exit code."""

    def __init__(
        self, settings: Settings, catalog: Catalog, open_dispatch: Callable[[str], Dispatch] = Dispatch.open
    ) -> None:
        self._settings = settings
        self._open_dispatch = open_dispatch
        self._catalog = catalog.handled()
        self._name = settings.worker_name or f"{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(3)}"
        self._code = 0

    async def run(self) -> int:
        """Work until told to stop."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._at_once = asyncio.Event()
        self._signals = Signals(self.terminate)
        settings = self._settings
        self._slots = Slots(
            {
                Executor.ASYNC: settings.slots_async,
                Executor.THREAD: settings.slots_thread,
                Executor.PROCESS: settings.slots_process,
            },
            self._catalog,
            served(settings.queues, self._catalog),
        )
        async with AsyncExitStack() as stack:
            self._store = Store.from_settings(settings, application_name=f"corral-worker {self._name}"[:63])
            stack.push_async_callback(self._store.close)
            self._dispatch = self._open_dispatch(settings.redis_url)
            stack.push_async_callback(self._dispatch.close)
            self._assemble()
            if settings.worker_port and not self._show_health(stack):
                return exit_code.CONFIG
            if not await self._registration.schema_fits():
                return self._code
            worker = await self._incarnation.begin()
            if worker is not None:
                await self._work(worker)
        return self._code

    def terminate(self, asked: str = "") -> None:
        """Stop; called again, at once. `asked` says by what it was asked to."""
        if self._stopping.is_set():
            log.info("worker.stopping_at_once", worker=self._name, asked=asked)
            self._at_once.set()
            self._claim_loop.give_up()
        else:
            log.info("worker.stopping", worker=self._name, asked=asked)
            self._stopping.set()
            self._claim_loop.stop()

    def _look(self, heartbeat: Heartbeat | None) -> None:
        """Whether the event loop turns; from the heartbeat's thread."""
        self._watchdog.look()
        self._blocked_loop.look(heartbeat)

    def _show_health(self, stack: AsyncExitStack) -> bool:
        host, port = self._settings.worker_host, self._settings.worker_port
        try:
            stack.callback(Health(host, port, self._state).close)
        except OSError as error:
            log.critical("health.not_served", host=host, port=port, error=str(error))
            return False
        return True

    def _assemble(self) -> None:
        settings, slots = self._settings, self._slots
        total = sum(slots.sizes.values())
        job_log = JobLog(settings.log_jobs, settings.log_level, settings.log_format)
        self._announcements = Announcements(self._dispatch)
        self._updates = Updates(partial(write_updates, self._store, self._dispatch))
        self._completer = Completer(
            self._store.attempts,
            self._updates,
            job_log=job_log,
            limit=max(MIN_HELD_OUTCOMES, 4 * total),
            recorded=self._announcements.recorded,
            room=self._stir,
        )
        self._services = WorkerServices(
            self._store,
            self._dispatch,
            job_log=job_log,
            max_payload=settings.max_payload_bytes,
            installation=settings.installation_options,
        )
        self._timeouts = Timeouts(self._store.attempts, lambda: self._incarnation.id)
        self._attempts = HeldAttempts(
            self._catalog,
            slots,
            self._updates,
            self._services,
            job_log=job_log,
            struck=self._timeouts.struck,
            ended=self._completer.add,
            freed=self._stir,
        )
        self._seal = Seal()
        types = sorted(one.name for one in self._catalog if one.executor in slots.sizes)
        self._claim_loop = ClaimLoop(
            self._name,
            self._dispatch,
            claiming=Claimer(self._store.claims, types),
            attempts=self._attempts,
            completer=self._completer,
            announcements=self._announcements,
            slots=slots,
            seal=self._seal,
            stuck=self._stuck,
        )
        self._types = tuple(types)
        self._registration = Registration(self._store, slots, self._name, types, self._stopping)
        self._watchdog = LoopWatchdog()
        self._blocked_loop = BlockedLoop(self._watchdog, self._attempts, self._signals, grace=settings.grace)
        lanes = [lane.name for lane in LaneOrder(slots.queues).next()]
        presence = Presence(
            settings.redis_url,
            self._name,
            lanes,
            period=settings.heartbeat,
            on_stop=lambda job: self._soon(self._attempts.cancel, [job]),
            on_shutdown=lambda: self._soon(self.terminate, "rq"),
        )
        self._status = WorkerStatus(
            pool=settings.pool,
            attempts=self._attempts,
            completer=self._completer,
            loop=self._claim_loop,
            slots=slots,
            seal=self._seal,
        )
        self._heartbeat = HeartbeatThread(
            partial(Heartbeat, settings.direct_url, settings.schema),
            presence,
            self._look,
            period=settings.heartbeat,
            report=self._status.report,
            hear=lambda worker, beat: self._soon(self._incarnation.hear, worker, beat),
        )
        self._incarnation = Incarnation(
            self._name,
            registration=self._registration,
            heartbeat=self._heartbeat,
            loop=self._claim_loop,
            attempts=self._attempts,
            announcements=self._announcements,
            stir=self._stir,
            stopping=self._stopping.is_set,
        )
        self._drain_requests = DrainRequestReader(
            self._name,
            self._dispatch,
            loop=self._claim_loop,
            attempts=self._attempts,
            seal=self._seal,
            hurry=self._heartbeat.hurry,
        )
        self._condition = WorkerCondition(
            registration=self._registration,
            heartbeat=self._heartbeat,
            loop=self._claim_loop,
            watchdog=self._watchdog,
            seal=self._seal,
            stopping=self._stopping.is_set,
            period=settings.heartbeat,
        )

    async def _work(self, worker: UUID) -> None:
        self._heartbeat.start(worker)
        writer = self._loop.create_task(
            self._completer.run(lambda: self._incarnation.id or UUID(int=0), self._attempts),
            name="completions",
        )
        writer.add_done_callback(self._ended_early)
        claimer = self._loop.create_task(self._claim_loop.run(lambda: self._incarnation.id), name="claims")
        claimer.add_done_callback(self._ended_early)
        orders = self._loop.create_task(self._drain_requests.run(), name="orders")
        orders.add_done_callback(self._ended_early)
        log.info(
            "worker.ready",
            worker=self._name,
            id=str(worker),
            queues=sorted(self._slots.queues),
            types=len(self._types),
            slots={executor.value: size for executor, size in self._slots.sizes.items()},
            seconds=round(time.monotonic() - STARTED, 3),
        )
        await self._stopping.wait()
        orders.cancel()
        await asyncio.wait([claimer], timeout=CLAIM_SECONDS)
        if not claimer.done():  # it waits for Postgres to say what became of its last claim
            self._claim_loop.give_up()
            await asyncio.wait([claimer], timeout=CLAIM_SECONDS)
        stubborn = await shutdown.finish_or_give_back(
            self._attempts,
            self._completer,
            self._announcements,
            grace=self._settings.grace,
            at_once=self._at_once,
        )
        self._heartbeat.close()
        await shutdown.until(lambda: not self._heartbeat.alive, HEARTBEAT_SECONDS)
        await self._services.close()
        if stubborn:
            # What is written now says that they have ended: let that be true before anybody tries their jobs again.
            shutdown.end_within(GONE_SECONDS - 1, self._code)
            self._attempts.give_up()
            await shutdown.written(self._completer)
        writer.cancel()
        if self._incarnation.id is not None:
            await shutdown.say_goodbye(self._store.workers, self._incarnation.id, self._announcements)
        self._attempts.close()
        log.info("worker.stopped", worker=self._name, claimed=self._claim_loop.claimed, code=self._code)
        if stubborn:
            # Their threads would run on while the interpreter tears itself down.
            await self._dispatch.close()
            os._exit(self._code)

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        """A task that should run for the worker's whole life ended: it is better to be started again."""
        if self._stopping.is_set():
            return
        error = None if task.cancelled() else task.exception()
        if error is not None or task.cancelled():
            log.critical("worker.broken", task=task.get_name(), exc_info=error, cancelled=task.cancelled())
            self._restart()

    def _stir(self) -> None:
        executor = self._slots.stuck()
        if executor is not None:
            count, size = self._slots.abandoned[executor], self._slots.sizes[executor]
            self._stuck(
                f"{count} of the {size} {executor.value} slots are held by handlers that can't be stopped"
            )
        self._claim_loop.stir()

    def _stuck(self, why: str) -> None:
        """Handlers that can't be stopped keep it from what it is for."""
        if not self._stopping.is_set():
            abandoned = {executor.value: count for executor, count in self._slots.abandoned.items() if count}
            log.critical("worker.stuck", why=why, abandoned=abandoned)
            self._restart()

    def _restart(self) -> None:
        """Drain and end with a code that asks to be started again."""
        self._code = exit_code.STUCK
        if not self._stopping.is_set():
            self.terminate("itself")

    def _soon(self, call: Any, *arguments: Any) -> None:
        """Call on the loop, from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    def _state(self) -> dict[str, Any]:
        """For probes, from their threads."""
        return {
            "alive": self._condition.alive,
            "unready": self._condition.unready,
            "worker": {
                **self._condition.shown(self._name, self._incarnation.id),
                "queues": sorted(self._slots.queues),
                "types": list(self._types),
                **self._status.shown(),
            },
        }
