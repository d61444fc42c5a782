"""Values in a form that Postgres and every reader of JSON can hold, whatever a handler says.

Nothing here refuses a value: what has no such form is told in words, and what is too large is cut and says so.
"""

import dataclasses
import ipaddress
import math
import numbers
from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from corral import frames

MAX_TEXT = 4_000
"""Characters of one text within a value."""
MAX_KEY = 200
"""Characters of one key."""
MAX_DEPTH = 10
"""Levels of lists and objects within one another."""
MAX_VALUES = 1_000
"""Values, those within others included."""
MAX_CHARACTERS = 32_000
"""Characters of all texts and keys together."""

MAX_BITS = 1_000
"""Of a whole number; a larger one is kept as text."""
_KNOWN = (
    date, time, timedelta, UUID, Decimal, PurePath,
    ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
)  # fmt: skip
"""What Pydantic has a text for."""


def printable(text: str, limit: int) -> str:
    """Text that Postgres can hold: no NUL, no lone surrogate, at most `limit` characters; never a subclass."""
    text = str.__str__(text)
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if "\0" in cut:
        cut = cut.replace("\0", "\ufffd")
    return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()


def text_of(said: object, limit: int) -> str:
    """Any value as printable text."""
    try:
        match said:
            case str():
                text = str.__str__(said)
            case bytes() | bytearray():
                text = bytes(said[: limit + 1]).decode("utf-8", "backslashreplace")
            case _:
                text = str(said)
    except Exception:  # noqa: BLE001  # the value's own code may do anything, and a huge number has no text
        text = f"(a {type(said).__qualname__} whose text can't be made)"
    return printable(text, limit)


def storable(fields: Mapping[str, object]) -> dict[str, Any]:
    """Fields as a JSON object of bounded size: true, false, null, finite numbers, texts, lists and objects."""
    walk = _Walk()
    return walk.json_object(fields.items(), len(fields), 0)


class _Walk:
    """One walk through a value; counts what it has taken."""

    def __init__(self) -> None:
        self._values = MAX_VALUES
        self._characters = MAX_CHARACTERS
        self._within: set[int] = set()

    def json_object(self, items: Iterable[tuple[object, object]], count: int, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in islice(items, max(0, self._values)):
            made[self._key(key)] = self._value(value, depth)
            count -= 1
        if count:
            made["…"] = f"{count:,} more were not kept"
        return made

    def _list(self, items: Iterable[object], count: int, depth: int) -> list[Any]:
        made = []
        for value in islice(items, max(0, self._values)):
            made.append(self._value(value, depth))
            count -= 1
        if count:
            made.append(f"… {count:,} more were not kept")
        return made

    def _value(self, value: object, depth: int) -> Any:
        self._values -= 1
        try:
            return self._scalar(value) if _is_scalar(value) else self._inner(value, depth)
        except Exception:  # noqa: BLE001  # the value's own code may do anything
            return self._text(_repr(value))

    def _scalar(self, value: object) -> Any:
        match value:
            case None | bool():
                return value
            case str():
                return self._text(value)
            case numbers.Integral():
                number = int(value)
                return number if number.bit_length() <= MAX_BITS else self._text(_digits(number))
            case _:
                real = float(value)  # type: ignore[arg-type]  # a number, by `_is_scalar`
                return real if math.isfinite(real) else str(real)

    def _inner(self, value: object, depth: int) -> Any:
        if id(value) in self._within:
            return "… (a value within itself)"
        if depth >= MAX_DEPTH:
            return self._text(f"… (a {type(value).__qualname__}, nested too deeply)")
        self._within.add(id(value))
        try:
            return self._container(value, depth + 1)
        finally:
            self._within.discard(id(value))

    def _container(self, value: object, depth: int) -> Any:
        held = _held(value)
        if isinstance(held, dict):
            return self.json_object(held.items(), len(held), depth)
        if isinstance(held, list):
            return self._list(held, len(held), depth)
        return self._value(held, depth)

    def _key(self, key: object) -> str:
        text = text_of(key, MAX_KEY)
        self._characters -= len(text)
        return text

    def _text(self, text: str) -> str:
        made = printable(text, max(1, min(MAX_TEXT, self._characters)))
        self._characters -= len(made)
        return made


def _held(value: Any) -> Any:
    """What a value holds: a dict, a list, or a text for what is neither."""
    match value:
        case Enum():
            held = value.value
        case bytes() | bytearray():
            held = text_of(value, MAX_TEXT)
        case BaseException():
            held = frames.described(value, where=False)
        case Mapping():
            held = dict(value)
        case list() | tuple() | deque() | AbstractSet():
            held = list(value)
        case BaseModel():
            held = to_jsonable_python(value, fallback=_repr)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            held = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        case _ if isinstance(value, _KNOWN):
            held = to_jsonable_python(value)
        case _:
            held = _repr(value)
    return held


def _is_scalar(value: object) -> bool:
    """Whether JSON has a word for it; NumPy's numbers are real ones too, and a fraction is better told in words."""
    if value is None or isinstance(value, str | numbers.Real):
        return not isinstance(value, Enum | Fraction)
    return False


def _digits(number: int) -> str:
    bits = number.bit_length()
    return str(number) if bits < 10_000 else f"(a whole number of {bits:,} bits)"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # as above
        return f"(a {type(value).__qualname__} whose text can't be made)"
