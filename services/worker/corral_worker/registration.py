"""Registration: becoming a worker of the installation, and what this process hears of itself from there."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from importlib import metadata
from uuid import UUID

import structlog

from corral.dispatch import Entry
from corral.errors import SchemaMismatch, Unavailable
from corral.ids import new_id
from corral.store import Store
from corral.store.heartbeat import Beat
from corral.store.workers import WorkerRecord
from corral.waiting import doubling, wait_for_event
from corral_worker.announcements import Announcements
from corral_worker.attempts import HeldAttempts
from corral_worker.claim_loop import ClaimLoop
from corral_worker.heartbeat import HeartbeatThread
from corral_worker.slots import Slots

log = structlog.get_logger(__name__)


RETRY_SECONDS = (0.2, 2.0)
"""First and longest wait between two tries."""


class Registration:
    """Waits for the schema and registers the worker, until it succeeds or the worker is told to stop."""

    def __init__(
        self, store: Store, slots: Slots, name: str, types: Sequence[str], stopping: asyncio.Event
    ) -> None:
        self._store = store
        self._slots = slots
        self._name = name
        self._types = types
        self._stopping = stopping
        self.waiting_for: str | None = "start"
        """`schema` or `postgres` while that is missing."""
        self.registered = False
        """Whether it ever became an incarnation; stays so."""

    async def schema_fits(self) -> bool:
        """Wait until the tables are there; False when told to stop meanwhile.

        Raises:
            SchemaMismatch: this release is too old for the schema: waiting won't help.
        """
        waits = doubling(*RETRY_SECONDS)
        while not self._stopping.is_set():
            try:
                await self._store.schema.check()
            except SchemaMismatch as error:
                if not error.wait:
                    raise
                self._wait_for("schema", error)
            except Unavailable as error:
                self._wait_for("postgres", error)
            else:
                return True
            await wait_for_event(self._stopping, next(waits))
        return False

    async def register(self) -> UUID | None:
        """Become an incarnation, and return its id; None when told to stop meanwhile."""
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
    """From registering to the goodbye; a new one after it was taken for lost (protocol rule 23)."""

    def __init__(
        self,
        name: str,
        *,
        registration: Registration,
        heartbeat: HeartbeatThread,
        loop: ClaimLoop,
        attempts: HeldAttempts,
        announcements: Announcements,
        stir: Callable[[], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._name = name
        self._registration = registration
        self._heartbeat = heartbeat
        self._loop = loop
        self._attempts = attempts
        self._announcements = announcements
        self._stir = stir
        self._stopping = stopping
        self._registering: asyncio.Task[None] | None = None
        self.id: UUID | None = None
        """None while it is registered under none: before the first time, and after a loss."""

    async def begin(self) -> UUID | None:
        """Register; None when told to stop meanwhile."""
        self.id = await self._registration.register()
        return self.id

    def hear(self, worker: UUID, beat: Beat) -> None:
        """What the database thinks of us. On the loop."""
        if worker != self.id:
            return
        if not beat.known:
            self._lost()
            return
        if beat.draining != self._loop.draining:
            log.info("worker.draining" if beat.draining else "worker.drain_ended", worker=self._name)
            self._loop.draining = beat.draining
            self._stir()
        if beat.cancels:
            self._attempts.cancel(beat.cancels)
        if beat.stolen:
            self._attempts.lose(beat.stolen)
        for one in beat.released:
            log.warning("job.released_unheld", job=str(one.id), attempt=one.attempt)
        entries = [Entry(one.lane, one.id) for one in beat.released if one.lane is not None]
        if entries:
            self._announcements.hand_out(entries)

    def _lost(self) -> None:
        """We were taken for dead: stop everything and register anew."""
        log.error("worker.lost", worker=self._name, id=str(self.id), held=len(self._attempts.held))
        self.id = None
        self._attempts.lose_all()
        if not self._stopping():
            registering = self._begin_anew()
            self._registering = asyncio.get_running_loop().create_task(registering, name="register")

    async def _begin_anew(self) -> None:
        worker = await self.begin()
        if worker is not None:
            self._heartbeat.become(worker)
            log.info("worker.registered_anew", worker=self._name, id=str(worker))
            self._stir()
