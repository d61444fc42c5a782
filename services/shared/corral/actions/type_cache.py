"""The job types and their options that submissions are checked against, kept fresh without waiting."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import structlog

from corral import metrics
from corral.catalog.batch_key import BatchKeys
from corral.catalog.limit_evaluation import LimitEvaluation, LimitValues
from corral.catalog.payload_field import NoSuchField
from corral.catalog.precedence import PLAIN, QueueOverrides, settle
from corral.catalog.record import TypeRecord
from corral.catalog.unique import UniqueEvaluation
from corral.catalog.validation import Validator
from corral.errors import CorralError, FieldError, InvalidInput, UnknownType
from corral.job.limit_use import LimitUse
from corral.job.options import Options
from corral.store import Store
from corral.store.job_types import JobTypes
from corral.store.limits import LimitRows
from corral.store.queues import Queues

log = structlog.get_logger(__name__)

FRESH_SECONDS = 1.0
"""How old the knowledge may be before a submission asks for news in the background."""
MISS_SECONDS = 0.2
"""How often at most unknown names make submissions wait for a look at the database."""


@dataclass(frozen=True, slots=True)
class KnownType:
    """A registered job type, ready to check submissions with."""

    record: TypeRecord
    by_queue: Mapping[str, Options]
    """Its options in each queue that it allows, settled."""
    validator: Validator
    limits: Mapping[str, LimitValues] = field(default_factory=dict)
    """Every registered limit, by name."""
    uniqueness: Mapping[str, UniqueEvaluation] = field(default_factory=dict)
    """What makes the keys of its unique jobs, in each queue where they are."""
    evaluations: dict[tuple[str, ...], LimitEvaluation] = field(default_factory=dict)
    """What was compiled, by the names of the limits."""
    batch_keys: dict[str | None, BatchKeys] = field(default_factory=dict)
    """The same for batches, by the field that they look at."""

    @classmethod
    def of(
        cls,
        record: TypeRecord,
        queues: Mapping[str, QueueOverrides],
        installation: Mapping[str, Any],
        validator: Validator | None = None,
        limits: Mapping[str, LimitValues] | None = None,
    ) -> Self:
        """The registered type with the options that queues and the installation set; `validator` is one of the same record."""
        declared = record.parsed_options
        by_queue: dict[str, Options] = {}
        uniqueness: dict[str, UniqueEvaluation] = {}
        for queue in {declared.queue, *declared.queues}:
            settled = settle(record.options, queues.get(queue, PLAIN), installation, record.overrides)
            by_queue[queue] = settled.options
            for unread in settled.unread:
                metrics.SWALLOWED.labels("known-types").inc()
                log.warning("types.option_unreadable", type=record.name, queue=queue, option=unread)
            if settled.options.unique is not None:
                uniqueness[queue] = UniqueEvaluation(settled.options.unique, record.payload_schema)
        return cls(record, by_queue, validator or Validator(record), limits or {}, uniqueness)

    def uses(self, queue: str, payload: Any, further: tuple[str, ...] = ()) -> list[LimitUse]:
        """What a payload takes of the limits of the type, of the queue, and of the `further` ones of its submission.

        Raises:
            InvalidInput: a limit is not known, or a value can't be a key or a cost.
        """
        names = self.by_queue[queue].limits
        if further:
            names = tuple(dict.fromkeys((*names, *further)))
        if not names:
            return []
        evaluation = self.evaluations.get(names)
        if evaluation is None:
            evaluation = self.evaluations[names] = self.evaluation(names, further)
        return evaluation.uses(payload)

    def batch_key(self, queue: str, payload: Any) -> str | None:
        """What a payload has in common with those of other jobs that may be handled with its job; None: it is handled alone.

        Raises:
            InvalidInput: its value can't be a key, or the payload has no such field.
        """
        batch = self.by_queue[queue].batch
        if batch is None:
            return None
        keys = self.batch_keys.get(batch.by)
        if keys is None:
            try:
                keys = BatchKeys(self.record.name, batch.by, self.record.payload_schema)
            except NoSuchField as error:
                raise InvalidInput(FieldError("/type", str(error))) from None
            self.batch_keys[batch.by] = keys
        return keys.of(payload)

    def evaluation(self, names: tuple[str, ...], further: tuple[str, ...] = ()) -> LimitEvaluation:
        """What evaluates payloads of this type for limits of these names.

        Raises:
            InvalidInput: one of them is not known, or does not fit the payload.
        """
        for name in names:
            if name not in self.limits:
                known = ", ".join(sorted(self.limits)[:10]) or "none yet"
                where = f"/limits/{further.index(name)}" if name in further else "/type"
                raise InvalidInput(
                    FieldError(
                        where,
                        f"there is no limit {name[:100]!r}; known are {known}: `corral types register` registers them",
                    )
                )
        of_calls = [name for name in further if self.limits[name].of_calls]
        if of_calls:
            raise InvalidInput(
                FieldError(
                    f"/limits/{further.index(of_calls[0])}",
                    f"{of_calls[0]} is a rate of calls, of which handlers take with ctx.budget; no job takes of it when it starts",
                )
            )
        acting = [name for name in names if self.limits[name].values.get("on_full", "queue") != "queue"]
        if len(acting) > 1:
            raise InvalidInput(
                FieldError(
                    "/limits",
                    f"{' and '.join(acting)} each say what happens when they are full; only one limit of a job may",
                )
            )
        try:
            return LimitEvaluation([self.limits[name] for name in names], self.record.payload_schema)
        except NoSuchField as error:
            raise InvalidInput(FieldError("/limits" if further else "/type", str(error))) from None

    @property
    def options(self) -> Options:
        """The options of a job of this type in the queue that the type names first."""
        return self.by_queue[self.record.parsed_options.queue]


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

    async def get(self, name: str) -> tuple[KnownType, TypeSnapshot]:
        """The type of that name, and the whole snapshot in which it was found.

        A known name never waits: knowledge older than a second is renewed beside it.

        Raises:
            UnknownType: no such type is registered, and the database was asked just now.
            Unavailable: nothing is known yet and the database is away.
        """
        age = time.monotonic() - self._read_at
        known = self._knowledge.types.get(name)
        if known is not None:
            if age > FRESH_SECONDS:
                self._read_beside()
            return known, self._knowledge
        if age > MISS_SECONDS:
            await self.read()
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
