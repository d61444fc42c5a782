"""What Pydantic takes for a value of a JSON type: in its default mode "5" is a whole number, and so is true.

A publisher judges a scalar by its JSON Schema first. What that refuses is shown to Pydantic, by the adapter of the
same type, format, pattern and bounds; it refuses what both refuse.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AnyUrl, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from corral.catalog.payloads.schema import TRIMMED

KEYWORD: Final = "x-corral-taken"
"""The keyword of a judged schema behind which the description of a scalar stands."""
SCALARS: Final = frozenset({"integer", "number", "boolean", "string"})
KEYS: Final = frozenset(
    {
        *("type", "format", "pattern", "enum", "const"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
)
"""What describes a scalar here. Lengths do where the text is trimmed."""

_FORMATS: Final[Mapping[str, Any]] = {
    "date-time": datetime,
    "date": date,
    "time": time,
    "duration": timedelta,
    "uuid": UUID,
    **{f"uuid{version}": UUID for version in range(1, 9)},
    "uri": AnyUrl,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "ipvanyaddress": IPv4Address | IPv6Address,
    "ipv4network": IPv4Network,
    "ipv6network": IPv6Network,
    "ipvanynetwork": IPv4Network | IPv6Network,
    "ipv4interface": IPv4Interface,
    "ipv6interface": IPv6Interface,
    "ipvanyinterface": IPv4Interface | IPv6Interface,
}
"""Pydantic's own formats, and what reads them."""
ADDRESSED: Final = frozenset({"email", "name-email"})
"""Formats of which a publisher knows no more than that there is an @: what reads them is an extra of Pydantic."""
JUDGED: Final = frozenset({*_FORMATS, *ADDRESSED})
"""Other formats are remarks: no type of Pydantic's reads them, or it takes any text."""
OF_RFC: Final = frozenset({"date-time", "date", "time", "duration", "uuid", "uri", "ipv4", "ipv6", "email"})
"""Those that jsonschema-rs reads too: what it takes need not be shown to Pydantic."""


def widens(scalar: Mapping[str, Any]) -> bool:
    """Whether Pydantic may take more than JSON Schema says for a scalar of this description."""
    kinds = _kinds(scalar)
    if not kinds or not kinds <= SCALARS | {"null"}:
        return any(isinstance(value, bool | int | float) for value in _choices(scalar) or ())
    return bool(kinds & {"integer", "number", "boolean"}) or bool(
        {"format", "pattern", TRIMMED} & scalar.keys()
    )


def compiles(pattern: str) -> bool:
    """Whether Pydantic's own engine, which never backtracks, matches this pattern."""
    try:
        _text(pattern)
    except SchemaError:
        return False
    return True


class Taken:
    """A keyword of ours in a schema: a scalar is valid where Pydantic would take it."""

    def __init__(self, _parent: dict[str, Any], value: Any, _path: list[str | int]) -> None:
        self._takes = taker(json.dumps(value, sort_keys=True))

    def validate(self, instance: Any) -> None:
        """Refuse what Pydantic refuses.

        Raises:
            ValueError: it does.
        """
        if not self._takes(instance):
            raise ValueError("is not taken")


@lru_cache(maxsize=4096)
def taker(description: str) -> Callable[[Any], bool]:
    """Whether a scalar of this description, as JSON, is taken."""
    scalar = json.loads(description)
    choices = _choices(scalar)
    tests = [_of_kind(kind, scalar) for kind in _kinds(scalar)]
    if choices is None:
        return lambda instance: any(test(instance) for test in tests)
    numbers = bool(choices) and all(isinstance(choice, int | float) for choice in choices)
    adapter: TypeAdapter[Any] = TypeAdapter(float if numbers else Any)

    def chosen(instance: Any) -> bool:
        if isinstance(instance, bool | int | float):
            return instance in choices  # true is 1 to Python
        try:
            return numbers and adapter.validate_python(instance) in choices
        except ValidationError:
            return False

    return chosen


def _of_kind(kind: str, scalar: Mapping[str, Any]) -> Callable[[Any], bool]:
    if kind == "string":
        return _of_text(scalar)
    numbers: dict[str, Any] = {"integer": int, "number": float}
    if kind in numbers:
        return _reads(Annotated[numbers[kind], _bounds(scalar)])
    plain: dict[str, Any] = {"boolean": bool, "null": None}
    return _reads(plain[kind]) if kind in plain else lambda _: False


def _of_text(scalar: Mapping[str, Any]) -> Callable[[Any], bool]:
    if TRIMMED in scalar:
        lengths = {"min_length": scalar.get("minLength"), "max_length": scalar.get("maxLength")}
        trimmed = StringConstraints(strip_whitespace=True, pattern=scalar.get("pattern"), **lengths)
        return _reads(Annotated[str, trimmed])
    if "pattern" in scalar:
        return _text(scalar["pattern"])
    if scalar.get("format") in ADDRESSED:
        return lambda instance: isinstance(instance, str) and "@" in instance
    return _reads(_FORMATS.get(scalar.get("format", ""), str))


@lru_cache(maxsize=4096)
def _text(pattern: str) -> Callable[[Any], bool]:
    return _reads(Annotated[str, StringConstraints(pattern=pattern)])


def _reads(model: Any) -> Callable[[Any], bool]:
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def reads(instance: Any) -> bool:
        try:
            adapter.validate_python(instance)
        except ValidationError:
            return False
        return True

    return reads


def _bounds(scalar: Mapping[str, Any]) -> Any:
    return Field(
        ge=scalar.get("minimum"),
        gt=scalar.get("exclusiveMinimum"),
        le=scalar.get("maximum"),
        lt=scalar.get("exclusiveMaximum"),
        multiple_of=scalar.get("multipleOf"),
    )


def _kinds(scalar: Mapping[str, Any]) -> frozenset[str]:
    """Its types. What says none and has a format or a pattern says something of text alone."""
    kinds = scalar.get("type", ["string"] if {"format", "pattern"} & scalar.keys() else ())
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _choices(scalar: Mapping[str, Any]) -> list[Any] | None:
    if "const" in scalar:
        return [scalar["const"]]
    return scalar.get("enum")
