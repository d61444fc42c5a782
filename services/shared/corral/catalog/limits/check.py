"""Whether the limits of a job type fit together, and fit its payload."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from corral.catalog.limits.key import DOMAINS, key_text, paths_of
from corral.catalog.limits.limit import MAX_LIMITS, AnyLimit, Limit, Rate, TakenAt
from corral.catalog.payloads.field import NoSuchField, PayloadField, payload_field
from corral.catalog.same_name import one_of_each_name
from corral.errors import DeclarationError
from corral.job.admission import WhenFull

_KEYS: Final = frozenset({"string", "integer", "boolean", "null"})
"""JSON types whose values are keys: each is written in one way only."""
_ADDRESSES: Final = frozenset({"string", "array", "null"})
"""JSON types of fields that hold an address, or a list of them."""
_NUMBERS: Final = frozenset({"integer", "number", "null"})


def check_limits(name: str, limits: Sequence[AnyLimit], schema: Mapping[str, Any] | None) -> None:
    """Refuse limits that do not fit the job type `name`, whose payload has this JSON Schema.

    Raises:
        DeclarationError: names the job type, the limit and the reason.
    """
    where = f"job type {name}"
    if len(limits) > MAX_LIMITS:
        raise DeclarationError(f"{where}: limits names {len(limits)} limits; a job has at most {MAX_LIMITS}")
    one_of_each_name("limit", limits, where)
    twice = [one.name for index, one in enumerate(limits) if one.name in {o.name for o in limits[:index]}]
    if twice:
        raise DeclarationError(f"{where}: limits names {twice[0]} twice")
    acting = [one for one in limits if isinstance(one, Limit) and one.on_full != WhenFull.QUEUE]
    if len(acting) > 1:
        said = " and ".join(f"{one.name} ({one.on_full})" for one in acting)
        raise DeclarationError(
            f"{where}: its limits {said} have two strategies for when they are full; only one limit of a job may have another than queue"
        )
    no_rate_of_calls(limits, where)
    for limit in limits:
        _check_payload(f"{where}: limit {limit.name}", limit, schema)


def no_rate_of_calls(limits: Iterable[AnyLimit], where: str) -> None:
    """Refuse a rate of calls among limits that jobs take of when they start.

    Raises:
        DeclarationError: names it.
    """
    for limit in limits:
        if isinstance(limit, Rate) and limit.at is TakenAt.CALL:
            raise DeclarationError(
                f"{where}: limits names {limit.name}, which is a rate of calls: handlers take of it with"
                f' ctx.budget({limit.name!r}); leave it out of limits, or declare it without at="call"'
            )


def _check_payload(where: str, limit: AnyLimit, schema: Mapping[str, Any] | None) -> None:
    if limit.by is not None:
        _check_key(where, limit, limit.by, schema)
    if isinstance(limit, Rate) and isinstance(limit.cost, str):
        field = _field(where, "cost", limit.cost, schema)
        if field.kinds and not field.kinds <= _NUMBERS:
            raise DeclarationError(
                f"{where}: cost names {limit.cost}, which may be {_words(field.kinds - _NUMBERS)}; a cost is a number"
            )


def _check_key(where: str, limit: AnyLimit, by: str, schema: Mapping[str, Any] | None) -> None:
    domains = DOMAINS.fullmatch(by)
    possible = _ADDRESSES if domains else _KEYS
    for path in paths_of(by):
        field = _field(where, "by", path, schema)
        if field.kinds and not field.kinds <= possible:
            raise DeclarationError(
                f"{where}: by names {path}, which may be {_words(field.kinds - possible)}; "
                + ("domains are of addresses" if domains else "a key is text, a whole number, true or false")
            )
        if isinstance(limit, Limit) and not domains:
            _check_weights(where, limit, field)


def _field(where: str, option: str, path: str, schema: Mapping[str, Any] | None) -> PayloadField:
    try:
        return payload_field(schema, path)
    except NoSuchField as error:
        raise DeclarationError(f"{where}: {option} names {path}; the payload has {error}") from None


def _check_weights(where: str, limit: Limit, field: PayloadField) -> None:
    if not field.choices:
        return
    possible = {key for choice in field.choices if (key := key_text(choice)) is not None}
    unknown = sorted(limit.weights.keys() - possible)
    if unknown:
        raise DeclarationError(
            f"{where}: weights names {', '.join(unknown)}; {limit.by} is one of {', '.join(sorted(possible))}"
        )


def _words(kinds: Iterable[str]) -> str:
    names = {"array": "a list", "object": "an object", "number": "a number with a fraction"}
    return " or ".join(sorted(names.get(kind, kind) for kind in kinds))
