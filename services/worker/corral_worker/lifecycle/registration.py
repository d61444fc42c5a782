"""Registration: becoming a worker of the installation, and what this process hears of itself from there."""

import asyncio
import os
import socket
from collections.abc import Sequence
from importlib import metadata
from uuid import UUID

import structlog

from corral.dispatch import entry_of
from corral.errors import SchemaMismatch, Unavailable
from corral.ids import new_id
from corral.store import Store
from corral.store.workers.heartbeat import Beat
from corral.store.workers.workers import WorkerRecord
from corral.waiting import doubling, wait_for_event
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.claiming.claim_loop import ClaimLoop
from corral_worker.claiming.slots import Slots
from corral_worker.lifecycle.heartbeat import HeartbeatThread
from corral_worker.lifecycle.this_worker import ThisWorker

log = structlog.get_logger(__name__)


RETRY_SECONDS = (0.2, 2.0)
"""First and longest wait between two tries."""


class Registration:
    """Waits for the schema and registers the worker, until it succeeds or the worker is told to stop."""

    def __init__(self, store: Store, slots: Slots, worker: ThisWorker, types: Sequence[str]) -> None:
        self._store = store
        self._slots = slots
        self._name = worker.name
        self._types = types
        self._stopping = worker.stopping
        self.waiting_for: str | None = "start"
        """`schema` or `postgres` while that is missing."""
        self.registered = False
        """Whether this process was ever registered; it stays true."""

    async def schema_fits(self) -> bool:
        """Wait until the tables are there; False when told to stop meanwhile.

        Raises:
            SchemaMismatch: this release is too old for the schema: waiting won't help.
        """
        return await self._store.schema.wait_until_it_fits(
            self._stopping,
            lambda error: self._wait_for(
                "schema" if isinstance(error, SchemaMismatch) else "postgres", error
            ),
        )

    async def register(self) -> UUID | None:
        """Write a new incarnation of this worker into Postgres; its id, or None when told to stop meanwhile."""
        record = WorkerRecord(
            id=new_id(),
            name=self._name,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=metadata.version("corral-worker"),
            queues=tuple(sorted(self._slots.queues)),
            types=tuple(self._types),
            slots={executor.value: size for executor, size in self._slots.sizes.items()},
        )
        waits = doubling(*RETRY_SECONDS)
        while not self._stopping.is_set():
            try:
                await self._store.workers.register(record)
            except Unavailable as error:
                self._wait_for("postgres", error)
            else:
                self.waiting_for = None
                self.registered = True
                return record.id
            await wait_for_event(self._stopping, next(waits))
        return None

    def _wait_for(self, what: str, error: Exception) -> None:
        if self.waiting_for != what:
            log.warning("worker.waiting", worker=self._name, on=what, error=str(error))
        self.waiting_for = what


class Incarnation:
    """Registers this process as an incarnation, and as another one after it was taken for lost (protocol rule 23)."""

    def __init__(
        self,
        worker: ThisWorker,
        *,
        registration: Registration,
        heartbeat: HeartbeatThread,
        loop: ClaimLoop,
        attempts: HeldAttempts,
        executor: AttemptExecutor,
        announcements: Announcements,
    ) -> None:
        self._worker = worker
        self._registration = registration
        self._heartbeat = heartbeat
        self._loop = loop
        self._attempts = attempts
        self._executor = executor
        self._announcements = announcements
        self._registering: asyncio.Task[None] | None = None

    async def begin(self) -> UUID | None:
        """Register; None when told to stop meanwhile."""
        self._worker.incarnation = await self._registration.register()
        return self._worker.incarnation

    def hear(self, incarnation: UUID, beat: Beat) -> None:
        """Follow what a heartbeat's answer says of this worker: drains, cancels, jobs that are no longer its own. On the loop."""
        if incarnation != self._worker.incarnation:
            return
        if not beat.known:
            self._lost()
            return
        self._worker.webhooks = beat.webhooks
        if beat.draining != self._loop.draining:
            log.info("worker.draining" if beat.draining else "worker.drain_ended", worker=self._worker.name)
            self._loop.draining = beat.draining
            self._loop.stir()
        if beat.cancels:
            self._executor.cancel(beat.cancels)
        if beat.stolen:
            self._executor.lose(beat.stolen)
        for one in beat.released:
            log.warning("job.released_unheld", job=str(one.id), attempt=one.attempt)
        entries = [
            entry_of(one.lane, one.id, one.limit_group) for one in beat.released if one.lane is not None
        ]
        if entries:
            self._announcements.enqueuer.enqueue_soon(entries)

    def _lost(self) -> None:
        """Stop everything and register anew: the leader has taken this incarnation for lost."""
        worker = self._worker
        log.error(
            "worker.lost", worker=worker.name, id=str(worker.incarnation), held=len(self._attempts.held)
        )
        worker.incarnation = None
        self._executor.lose_all()
        if not worker.stopping.is_set():
            registering = self._begin_anew()
            self._registering = asyncio.get_running_loop().create_task(registering, name="register")

    async def _begin_anew(self) -> None:
        incarnation = await self.begin()
        if incarnation is not None:
            self._heartbeat.become(incarnation)
            log.info("worker.registered_anew", worker=self._worker.name, id=str(incarnation))
            self._loop.stir()
