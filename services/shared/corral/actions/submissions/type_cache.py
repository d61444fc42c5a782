"""The job types and their options that submissions are checked against, kept fresh without waiting."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from corral import metrics
from corral.actions.submissions.known_type import KnownType
from corral.catalog.limits.evaluation import LimitValues
from corral.catalog.precedence import QueueOverrides
from corral.catalog.record import TypeRecord
from corral.errors import CorralError, FieldError, UnknownType
from corral.store import Store
from corral.store.limits.limits import LimitRows
from corral.store.registry.job_types import JobTypes
from corral.store.registry.queues import Queues

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
"""How old the knowledge may be before a submission asks for news in the background."""
STALE_SECONDS = 2.0
"""How old the knowledge may be before a submission waits for news: only after a pause is it so old, or without Postgres."""
NEWS_SECONDS = 1.0
"""A submission waits so long for news, and goes on without."""
MISS_SECONDS = 0.2
"""From one look at the database for unknown names to the next."""


@dataclass(frozen=True, slots=True)
class TypeSnapshot:
    """Job types and the options of queues as the database had them at one time. Replaced as a whole."""

    types: Mapping[str, KnownType] = field(default_factory=dict)
    limited: tuple[str, ...] = ()
    """The types that take of limits in one of their queues."""

    @property
    def queues(self) -> frozenset[str]:
        """Every queue that a known type allows."""
        return frozenset(queue for known in self.types.values() for queue in known.by_queue)


class TypeCache:
    """The job types that submissions are checked against, kept fresh from the database; one per process."""

    def __init__(self, store: Store, installation: Mapping[str, Any] | None = None) -> None:
        """`installation` holds the default options of the installation, as JSON by option."""
        self._store = store
        self.installation = installation or {}
        self._knowledge = TypeSnapshot()
        self._version: str | None = None
        self._read_at = -1e9
        self._reading: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        """Waits for its turn to read."""

    async def get(self, name: str) -> tuple[KnownType, TypeSnapshot]:
        """The type of that name, and the whole snapshot in which it was found.

        Knowledge older than a second is renewed beside it. A known name waits only for news of older knowledge, and
        goes on without them where the database is away.

        Raises:
            UnknownType: no such type is registered: the database was asked since.
            Unavailable: nothing is known yet and the database is away.
        """
        age = time.monotonic() - self._read_at
        if age > FRESH_SECONDS and name in self._knowledge.types:
            self._read_beside()
            if age > STALE_SECONDS and self._reading is not None:
                await asyncio.wait([self._reading], timeout=NEWS_SECONDS)
        known = self._knowledge.types.get(name)
        if known is not None:
            return known, self._knowledge
        await self._read_from_now()
        known = self._knowledge.types.get(name)
        if known is None:
            raise unknown(name, self._knowledge)
        return known, self._knowledge

    async def all(self) -> TypeSnapshot:
        """The snapshot of all types; at most a second old while the database answers."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            await self.read()
        return self._knowledge

    def at_hand(self, name: str) -> KnownType | None:
        """The type of that name as it was last read. May be called from any thread."""
        return self._knowledge.types.get(name)

    @property
    def at_hand_limited(self) -> tuple[str, ...]:
        """The types that take of limits, as they were last read."""
        return self._knowledge.limited

    def refresh(self) -> None:
        """Ask for news in the background, unless they are fresh."""
        if time.monotonic() - self._read_at > FRESH_SECONDS:
            self._read_beside()

    async def _read_from_now(self) -> None:
        """Wait for a read that begins after this call: a type may have been registered since the last one began.

        All who wait share it; one begins in `MISS_SECONDS`.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read_next())
        await asyncio.shield(self._next)

    async def _read_next(self) -> None:
        try:
            await asyncio.sleep(max(0.0, self._read_at + MISS_SECONDS - time.monotonic()))
            while self._reading is not None and not self._reading.done():
                await asyncio.wait([self._reading])
        finally:
            self._next = None
        await self.read()

    async def read(self) -> None:
        """Read the types from the database now; callers at the same time share one read."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    def _read_beside(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_or_log())

    async def _read_or_log(self) -> None:
        try:
            await self._read()
        except CorralError as error:
            metrics.SWALLOWED.labels("known-types").inc()
            log.warning("types.stale", error=str(error))

    async def _read(self) -> None:
        version = await self._store.types.version()
        if version == self._version:
            self._read_at = time.monotonic()
            return
        store = self._store
        self._knowledge = await read_snapshot(
            store.types, store.limits, store.queues, self.installation, self._knowledge
        )
        self._version = version
        self._read_at = time.monotonic()


async def read_snapshot(
    types: JobTypes,
    limits: LimitRows,
    queues: Queues,
    installation: Mapping[str, Any],
    before: TypeSnapshot,
) -> TypeSnapshot:
    """The types as the database has them now; compiled schemas of `before` are kept where their records are the same.

    Raises:
        Unavailable: the database is away.
    """
    records = await types.all()
    values = {one.name: LimitValues(one.name, one.values) for one in await limits.all()}
    options = {queue.name: queue.options for queue in await queues.list()}
    known = (
        _known(record, options, installation, values, before.types.get(record.name)) for record in records
    )
    found = {one.record.name: one for one in known if one is not None}
    limited = (name for name, one in found.items() if any(o.limits for o in one.by_queue.values()))
    return TypeSnapshot(found, tuple(sorted(limited)))


def _known(
    record: TypeRecord,
    queues: Mapping[str, QueueOverrides],
    installation: Mapping[str, Any],
    limits: Mapping[str, LimitValues],
    before: KnownType | None,
) -> KnownType | None:
    """The type of a record; its compiled schema is kept while the record is the same."""
    kept = before.validator if before is not None and before.record == record else None
    try:
        known = KnownType.of(record, queues, installation, kept, limits)
    except Exception:  # whatever is wrong with one type, the others are known
        metrics.SWALLOWED.labels("known-types").inc()
        log.exception("types.unreadable", type=record.name)
        return None
    if kept is None and known.validator.unjudged:
        log.info("types.partly_judged", type=record.name, by_worker=list(map(str, known.validator.unjudged)))
    return known


def unknown(name: str, knowledge: TypeSnapshot) -> UnknownType:
    """The error of a submission whose type is not registered."""
    names = sorted(knowledge.types)
    shown = ", ".join(names[:10]) + (" and more" if len(names) > 10 else "")
    said = f"no job type {name[:100]!r} is registered; known are {shown or 'none yet'};"
    how = "`corral types register`, with your modules in CORRAL_JOBS, registers yours"
    return UnknownType(FieldError("/type", f"{said} {how}"))
