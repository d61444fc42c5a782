"""Which worker this process is to the database, and what it hears of itself from there."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import structlog

from corral.dispatch import Entry
from corral.store.heartbeat import Beat
from corral_worker.announcements import Announcements
from corral_worker.arrival import Arrival
from corral_worker.attempts import HeldAttempts
from corral_worker.claim_loop import ClaimLoop
from corral_worker.heartbeat import HeartbeatThread

log = structlog.get_logger(__name__)


class Incarnation:
    """From registering to the goodbye; a new one after it was taken for lost (protocol rule 23)."""

    def __init__(
        self,
        name: str,
        *,
        arrival: Arrival,
        heartbeat: HeartbeatThread,
        loop: ClaimLoop,
        attempts: HeldAttempts,
        announcements: Announcements,
        stir: Callable[[], None],
        stopping: Callable[[], bool],
    ) -> None:
        self._name = name
        self._arrival = arrival
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
        self.id = await self._arrival.register()
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
