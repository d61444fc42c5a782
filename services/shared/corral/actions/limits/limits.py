"""What a person does to limits: set values, pause, resume, take back. In force for every claim from then on."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from corral.actions.existing import existing
from corral.catalog.limits.evaluation import bounded_key
from corral.catalog.limits.limit import HoldFor, TakenAt, largest_cost
from corral.catalog.limits.values import COUNT, MAX_WEIGHTS, PER, RATE, WEIGHT, nothing
from corral.errors import FieldError, InvalidInput
from corral.job.admission import WhenFull
from corral.job.bounds import Bounds
from corral.job.budget import EXACT
from corral.job.limit_use import TOTAL
from corral.job.shown import shown
from corral.json_pointer import escaped
from corral.store import LimitChange, Store, StoredLimit

MAX_REASON: Final = 500
"""Characters of the reason that a person gives."""
MAX_VALUE: Final = 1000
"""Characters of a key that a person names. Stored keys are shorter."""
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
    """Actions on limits. `actor` is who the audit names, with the reason.

    `key` is a key as lists show it, or the whole value of which a list shows the beginning; None: the whole limit.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> StoredLimit:
        """The limit of that name.

        Raises:
            NotFound: there is none.
        """
        return existing(await self._store.limits.get(name), "limit", name)

    async def set(
        self,
        name: str,
        overrides: Mapping[str, Any],
        actor: str,
        *,
        key: str | None = None,
        reason: str | None = None,
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
                errors.append(FieldError(f"/overrides/{escaped(option)}", fault))
        if not errors:
            errors = list(_errors_together(limit, overrides))
        if errors:
            raise InvalidInput(*errors)
        return await self._store.limits.change(
            name, stored_key(key), LimitChange("patch", overrides), actor, reason
        )

    async def pause(
        self, name: str, actor: str, *, key: str | None = None, reason: str | None = None
    ) -> StoredLimit:
        """Pause a limit, or one of its keys: once this returns no job that takes of it is claimed. Raises as `set`."""
        return await self._change("pause", name, actor, key, reason)

    async def resume(
        self, name: str, actor: str, *, key: str | None = None, reason: str | None = None
    ) -> StoredLimit:
        """Resume what was paused, and what a provider asked to wait for. Raises as `set`."""
        return await self._change("resume", name, actor, key, reason)

    async def reset(
        self, name: str, actor: str, *, key: str | None = None, reason: str | None = None
    ) -> StoredLimit:
        """Take back every value that was set: what code declares is in force. A pause stays. Raises as `set`."""
        return await self._change("reset", name, actor, key, reason)

    async def _change(
        self, action: str, name: str, actor: str, key: str | None, reason: str | None
    ) -> StoredLimit:
        errors = [*_reason_faults(reason), *_key_faults(await self.get(name), key)]
        if errors:
            raise InvalidInput(*errors)
        return await self._store.limits.change(name, stored_key(key), LimitChange(action), actor, reason)


def stored_key(key: str | None) -> str:
    """How the key is stored that somebody names."""
    return TOTAL if key is None else bounded_key(key)


def _reason_faults(reason: str | None) -> list[FieldError]:
    if reason is None:
        return []
    if "\0" in reason:
        return [FieldError("/reason", "holds a NUL character (\\u0000), which no text can hold")]
    if len(reason) > MAX_REASON:
        return [FieldError("/reason", f"has {len(reason):,} characters; it must have at most {MAX_REASON}")]
    return []


def _key_faults(limit: StoredLimit, key: str | None) -> list[FieldError]:
    if key is None:
        return []
    if limit.values.get("by") is None:
        return [FieldError("/key", f"{limit.name} has no keys: it is declared without by=")]
    if not key:
        return [FieldError("/key", "is empty; name a key, or leave it out to mean the whole limit")]
    if "\0" in key:
        return [FieldError("/key", "holds a NUL character (\\u0000), which no key can hold")]
    return []


def _settable(limit: StoredLimit, key: str | None) -> str:
    """What can be set, in words."""
    return f"can be set: {', '.join(settable(limit.declared, of_key=key is not None)) or 'nothing'}"


def settable(declared: Mapping[str, Any], *, of_key: bool) -> list[str]:
    """The values that can be set for a limit that code declares so, or for one of its keys."""
    if "rate" in declared:
        return list(_OF_RATE)
    plain = declared.get("on_full", WhenFull.QUEUE) == WhenFull.QUEUE
    names = [name for name in _OF_LIMIT if name in declared and not (name == "on_full" and plain)]
    if of_key:
        return [name for name in names if name in _OF_KEY]
    return names if "weights" in names or declared.get("by") is None else [*names, "weights"]


def _fault(limit: StoredLimit, key: str | None, option: str, value: Any) -> str | None:
    """What is wrong with one value; None where nothing is."""
    if option not in settable(limit.declared, of_key=key is not None):
        of = f"one key of {limit.name}" if key else limit.name
        declare = ""
        if option == "weights" and limit.declared.get("by") is None:
            declare = ": weights are of keys, and it is declared without by="
        elif option in _OF_LIMIT and not key and "rate" not in limit.declared:
            declare = f"; declare {option}= in code first: what waits was not counted by it"
        return f"can't be set for {of}{declare}; {_settable(limit, key)}"
    if value is None:
        return None
    if option == "weights":
        return _weights_fault(value)
    if option == "on_full":
        return (
            None if value in list(WhenFull) else f"is {shown(value)}; it must be one of {', '.join(WhenFull)}"
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
        if not key:
            return "has an empty key; keys are texts, as the payload has them"
        if "\0" in key:
            return f"{key!r:.100} holds a NUL character, which no key can hold"
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
    each, total = values.get("each"), values.get("total")
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
    return list(_rate_errors(values, overrides))


def _rate_errors(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> Iterator[FieldError]:
    """What is wrong with a rate that would have these values, as its declaration would be refused."""
    if "rate" not in values:
        return
    rate, per, cost = values["rate"], values["per"], values.get("cost")
    burst, deadline = values.get("burst"), values.get("deadline")
    pointer = "/overrides/rate" if "rate" in overrides else "/overrides/per"
    if values.get("at") == TakenAt.ATTEMPT and rate > EXACT:
        yield FieldError(
            pointer, f"is {rate:,g}; one that counts until attempts end (at=attempt) has at most {EXACT:,}"
        )
    elif burst is not None and EXACT < rate <= burst:
        yield FieldError(
            pointer, f"is {rate:,g}, and code declares a burst of {burst:,g}: it must be above that"
        )
    elif isinstance(cost, int | float) and cost > (most := largest_cost(values)):
        once = "" if most == rate else f", of which {most:g} can be taken at once,"
        yield FieldError(pointer, f"is {rate:g}{once} and one job costs {cost:g}: none could ever start")
    if deadline is not None and deadline > per:
        yield FieldError(
            "/overrides/per",
            f"is {per:g} seconds, and a call may arrive {deadline:g} after it was taken (its deadline): it must be at"
            " least that",
        )
