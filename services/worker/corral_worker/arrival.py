"""Becoming a worker: wait for the schema, then register as a new incarnation."""

import asyncio
import os
import socket
from collections.abc import Sequence
from importlib import metadata
from uuid import UUID

import structlog

from corral.errors import SchemaMismatch, Unavailable
from corral.ids import new_id
from corral.store import Store
from corral.store.workers import WorkerRecord
from corral_worker.slots import Slots

log = structlog.get_logger(__name__)

RETRY_SECONDS = (0.2, 2.0)
"""First and longest wait between two tries."""


class Arrival:
    """Tries until it succeeds or the worker is told to stop."""

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
        wait = RETRY_SECONDS[0]
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
            await self._pause(wait)
            wait = min(2 * wait, RETRY_SECONDS[1])
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
        wait = RETRY_SECONDS[0]
        while not self._stopping.is_set():
            try:
                await self._store.workers.register(record)
            except Unavailable as error:
                self._wait_for("postgres", error)
            else:
                self.waiting_for = None
                self.registered = True
                return record.id
            await self._pause(wait)
            wait = min(2 * wait, RETRY_SECONDS[1])
        return None

    def _wait_for(self, what: str, error: Exception) -> None:
        if self.waiting_for != what:
            log.warning("worker.waiting", worker=self._name, on=what, error=str(error))
        self.waiting_for = what

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
