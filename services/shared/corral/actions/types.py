"""What a person does to job types: sets any of their options, and takes it back."""

from collections.abc import Iterable, Mapping
from typing import Any

from corral.actions.existing import existing
from corral.actions.submissions.known_type import KnownType
from corral.actions.submissions.type_cache import TypeCache
from corral.catalog.batch_key import BatchKeys
from corral.catalog.options_json import BATCH, option_from_json
from corral.catalog.payloads.field import NoSuchField
from corral.catalog.precedence import LIMITS, NOTHING, OF_TYPE, PLAIN, settle
from corral.catalog.record import TypeRecord
from corral.catalog.unique import UniqueEvaluation, unique_of
from corral.errors import FieldError, InvalidInput
from corral.store import Store


class TypeActions:
    """Actions on job types. `actor` is who the audit names."""

    def __init__(self, store: Store, types: TypeCache) -> None:
        self._store = store
        self._types = types

    async def set(self, name: str, overrides: Mapping[str, Any], actor: str) -> TypeRecord:
        """Set options over those that code declares, as JSON by option; None takes one back.

        No deployment takes them back.

        Raises:
            InvalidInput: an option can't be set, or does not fit the type.
            NotFound: there is no such type.
        """
        unknown = overrides.keys() - OF_TYPE
        if unknown:
            raise InvalidInput(
                *(FieldError(f"/overrides/{option}", _unknown(option)) for option in sorted(unknown))
            )
        record = existing(await self._store.types.get(name), "job type", name)
        if isinstance(overrides.get(BATCH), Mapping):
            overrides = {**overrides, BATCH: _batch(record, overrides[BATCH])}
        await self._check(record, overrides)
        changed = await self._store.types.patch(name, overrides, actor)
        await self._types.read()
        return changed

    async def reset(self, name: str, actor: str) -> TypeRecord:
        """Take back every option that was set. Raises as `set`."""
        record = existing(await self._store.types.get(name), "job type", name)
        return await self.set(name, dict.fromkeys(record.overrides), actor) if record.overrides else record

    async def _check(self, record: TypeRecord, overrides: Mapping[str, Any]) -> None:
        if overrides.get("memory_limit") is not None and record.parsed_options.executor != "process":
            reason = (
                f"only attempts in processes have one; {record.name} runs as {record.parsed_options.executor}"
            )
            raise InvalidInput(FieldError("/overrides/memory_limit", reason))
        if unique := overrides.get("unique"):
            _check_unique(record, unique)
        if fields := overrides.get("search"):
            _check_search(record, fields)
        if limits := overrides.get("limits"):
            await self._check_limits(record, limits)

    async def _check_limits(self, record: TypeRecord, limits: Iterable[str]) -> None:
        """Refuse limits that do not fit the type, beside those of each of its queues."""
        await self._types.read()
        known = (await self._types.all()).types.get(record.name)
        if known is None:
            return
        changed = {**record.overrides, LIMITS: list(limits)}
        queues = {queue.name: queue.options for queue in await self._store.queues.list()}
        for queue in known.by_queue:
            settled = settle(record.options, queues.get(queue, PLAIN), NOTHING, changed)
            check_limits_fit(known, settled.options.limits, "/overrides/limits")


def _batch(record: TypeRecord, parts: Mapping[str, Any]) -> dict[str, Any] | None:
    """The parts of a batch that are set then; a part without a value is taken back.

    Raises:
        InvalidInput: the type's handler takes one job at a time, or a part does not fit.
    """
    if not isinstance(declared := record.options.get(BATCH), Mapping):
        raise InvalidInput(
            FieldError("/overrides/batch", f"the handler of {record.name} takes one job at a time")
        )
    before = record.overrides.get(BATCH)
    changed = {**(before if isinstance(before, Mapping) else {}), **parts}
    parts_set = {part: value for part, value in changed.items() if value is not None}
    try:
        batch = option_from_json(BATCH, {**declared, **parts_set})
        BatchKeys(record.name, batch.by, record.payload_schema)
    except (ValueError, NoSuchField) as error:
        raise InvalidInput(FieldError("/overrides/batch", str(error))) from None
    return parts_set or None


def check_limits_fit(known: KnownType, names: tuple[str, ...], pointer: str) -> None:
    """Refuse limits of jobs of a type that are not registered, or that fit neither its payload nor each other.

    Raises:
        InvalidInput: names the limit.
    """
    try:
        known.evaluation(names, names)
    except InvalidInput as error:
        raise InvalidInput(
            *(FieldError(pointer, f"jobs of {known.record.name}: {one.message}") for one in error.errors)
        ) from None


def _check_search(record: TypeRecord, fields: Iterable[str]) -> None:
    known: dict[str, Any] | None = (record.payload_schema or {}).get("properties")
    if known is None:
        return
    missing = [field for field in fields if field not in known]
    if missing:
        has = ", ".join(known) or "no fields"
        raise InvalidInput(
            FieldError("/overrides/search", f"names {', '.join(missing)}; the payload has {has}")
        )


def _check_unique(record: TypeRecord, value: Any) -> None:
    try:
        UniqueEvaluation(unique_of(value), record.payload_schema)
    except (ValueError, NoSuchField) as error:
        said = f"by names {error}" if isinstance(error, NoSuchField) else str(error)
        raise InvalidInput(FieldError("/overrides/unique", said)) from None


def _unknown(option: str) -> str:
    if option == "executor":
        return "can't be set: where a handler runs is written in its code"
    return f"is no option of a job type; known: {', '.join(sorted(OF_TYPE))}"
