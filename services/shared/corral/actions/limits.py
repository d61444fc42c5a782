"""What a person does to limits: set values, pause, resume, take back. In force for every claim from then on."""

from collections.abc import Mapping
from typing import Any, Final

from corral.catalog.limit import HoldFor
from corral.catalog.limit_values import COUNT, MAX_WEIGHTS, PER, RATE, WEIGHT, nothing
from corral.errors import FieldError, InvalidInput, NotFound
from corral.job.admission import WhenFull
from corral.job.bounds import Bounds
from corral.store import LimitChange, Store, StoredLimit

MAX_REASON: Final = 500
"""Characters of the reason that a person gives."""
_NUMBERS: Final[Mapping[str, Bounds]] = {
    "total": COUNT,
    "each": COUNT,
    "per_worker": COUNT,
    "max_waiting": COUNT,
    "rate": RATE,
    "per": PER,
}
_OF_RATE: Final = ("rate", "per")
_OF_LIMIT: Final = ("total", "each", "per_worker", "max_waiting", "weights", "on_full")
_OF_KEY: Final = ("each", "max_waiting")


class LimitActions:
    """Actions on limits. `actor` is who the audit names, with the reason."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> StoredLimit:
        """The limit of that name.

        Raises:
            NotFound: there is none.
        """
        found = await self._store.limits.get(name)
        if found is None:
            raise NotFound("limit", name)
        return found

    async def set(
        self, name: str, overrides: Mapping[str, Any], actor: str, *, key: str = "", reason: str | None = None
    ) -> StoredLimit:
        """Set values over those that code declares, for all or for one key; None takes one back.

        Raises:
            InvalidInput: a value makes no sense; names it.
            NotFound: there is no such limit.
        """
        limit = await self.get(name)
        errors = [*_reason_faults(reason), *_key_faults(limit, key)]
        if not overrides:
            errors.append(FieldError("/overrides", f"is empty; {_settable(limit, key)}"))
        for option, value in overrides.items():
            if (fault := _fault(limit, key, option, value)) is not None:
                errors.append(FieldError(f"/overrides/{option}", fault))
        if not errors:
            errors = list(_errors_together(limit, overrides))
        if errors:
            raise InvalidInput(*errors)
        return await self._store.limits.change(name, key, LimitChange("patch", overrides), actor, reason)

    async def pause(self, name: str, actor: str, *, key: str = "", reason: str | None = None) -> StoredLimit:
        """Pause a limit, or one of its keys: once this returns no job that takes of it is claimed. Raises as `set`."""
        return await self._change("pause", name, actor, key, reason)

    async def resume(self, name: str, actor: str, *, key: str = "", reason: str | None = None) -> StoredLimit:
        """Resume what was paused, and what a provider asked to wait for. Raises as `set`."""
        return await self._change("resume", name, actor, key, reason)

    async def reset(self, name: str, actor: str, *, key: str = "", reason: str | None = None) -> StoredLimit:
        """Take back every value that was set: what code declares is in force. A pause stays. Raises as `set`."""
        return await self._change("reset", name, actor, key, reason)

    async def _change(self, action: str, name: str, actor: str, key: str, reason: str | None) -> StoredLimit:
        errors = [*_reason_faults(reason), *_key_faults(await self.get(name), key)]
        if errors:
            raise InvalidInput(*errors)
        return await self._store.limits.change(name, key, LimitChange(action), actor, reason)


def _reason_faults(reason: str | None) -> list[FieldError]:
    if reason is None or (len(reason) <= MAX_REASON and "\0" not in reason):
        return []
    return [FieldError("/reason", f"has {len(reason):,} characters; it must have at most {MAX_REASON}")]


def _key_faults(limit: StoredLimit, key: str) -> list[FieldError]:
    if not key:
        return []
    if limit.values.get("by") is None:
        return [FieldError("/key", f"{limit.name} has no keys: it is declared without by=")]
    if "\0" in key:
        return [FieldError("/key", "holds a NUL character (\\u0000), which no key can hold")]
    return []


def _settable(limit: StoredLimit, key: str) -> str:
    """What can be set, in words."""
    return f"can be set: {', '.join(_names(limit, key))}"


def _names(limit: StoredLimit, key: str) -> list[str]:
    if "rate" in limit.declared:
        return list(_OF_RATE)
    plain = limit.declared.get("on_full", WhenFull.QUEUE) == WhenFull.QUEUE
    names = [name for name in _OF_LIMIT if name in limit.declared and not (name == "on_full" and plain)]
    if key:
        return [name for name in names if name in _OF_KEY]
    return names if "weights" in names or limit.declared.get("by") is None else [*names, "weights"]


def _fault(limit: StoredLimit, key: str, option: str, value: Any) -> str | None:
    """What is wrong with one value; None where nothing is."""
    if option not in _names(limit, key):
        of = f"one key of {limit.name}" if key else limit.name
        declare = (
            f"; declare {option}= in code first: what waits was not counted by it"
            if option in _OF_LIMIT and not key and "rate" not in limit.declared
            else ""
        )
        return f"can't be set for {of}{declare}; {_settable(limit, key)}"
    if value is None:
        return None
    if option == "weights":
        return _weights_fault(value)
    if option == "on_full":
        return (
            None if value in list(WhenFull) else f"is {value!r:.100}; it must be one of {', '.join(WhenFull)}"
        )
    if value == 0 and not isinstance(value, bool) and option != "per":
        return nothing(limit.name, option)
    return _NUMBERS[option].fault(value)


def _weights_fault(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "must be an object with a weight for each key"
    if len(value) > MAX_WEIGHTS:
        return f"has {len(value):,} keys; it must have at most {MAX_WEIGHTS:,}"
    for key, weight in value.items():
        if (fault := WEIGHT.fault(weight)) is not None:
            return f"that of {key!r:.100} {fault}"
    return None


def _errors_together(limit: StoredLimit, overrides: Mapping[str, Any]) -> list[FieldError]:
    taken_back = {name for name, value in overrides.items() if value is None}
    values = {
        **limit.declared,
        **{name: value for name, value in limit.overrides.items() if name not in taken_back},
        **{name: value for name, value in overrides.items() if value is not None},
    }
    each, total, cost, rate = (values.get(name) for name in ("each", "total", "cost", "rate"))
    within_key = values.get("on_full") in (WhenFull.SUPERSEDE, WhenFull.CANCEL_RUNNING)
    if within_key and values.get("by") is not None and each is None:
        return [
            FieldError("/overrides/on_full", f"{values['on_full']} makes room within a key; declare each=")
        ]
    if each is not None and total is not None and each > total:
        option = "each" if overrides.get("each") is not None else "total"
        return [FieldError(f"/overrides/{option}", f"each would be {each:,} and total only {total:,}")]
    held = values.get("hold") == HoldFor.LIFE and 1 in (
        limit.declared.get("each"),
        limit.declared.get("total"),
    )
    if held and 1 not in (each, total):
        option = "each" if "each" in overrides else "total"
        return [
            FieldError(
                f"/overrides/{option}", f"{limit.name} is held for life, one job at a time: it stays 1"
            )
        ]
    if rate is not None and isinstance(cost, int | float) and cost > rate:
        return [
            FieldError("/overrides/rate", f"is {rate:g} and one job costs {cost:g}: none could ever start")
        ]
    return []
