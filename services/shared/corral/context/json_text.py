"""JSON text of what a handler stores or submits; what JSON or Postgres can't hold is an error of the call."""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pydantic_core import from_json, to_json, to_jsonable_python

from corral.errors import FieldError, InvalidInput, TooLarge
from corral.json_pointer import escaped
from corral.storable import text_of

MAX_BYTES = 16 * 1024 * 1024
"""Of one value; a larger one is an artifact."""
_SEARCHED = 10_000
"""Values that are looked through for the one that is wrong."""


def json_text(value: Any, pointer: str) -> str:
    """The JSON text of a value or a Pydantic model; errors name places below `pointer`.

    Raises:
        InvalidInput: it holds what JSON or Postgres can't: names the place.
        TooLarge: it is over 16 MiB.
    """
    try:
        plain = to_jsonable_python(value)
        text = to_json(plain)
        from_json(text)  # what can't be read again (a number of thousands of digits) is not written either
    except Exception as error:  # a model's own serialiser may raise anything
        place, reason = next(_refused(value, pointer), (pointer, str(error)))
        raise InvalidInput(FieldError(place, f"can't be written as JSON: {reason}")) from error
    if len(text) > MAX_BYTES:
        raise TooLarge(f"the field {pointer}", len(text), MAX_BYTES)
    if b"NaN" in text or b"Infinity" in text or b"\\u0000" in text:
        for place, leaf in _leaves(plain, pointer):
            _refuse(place, leaf)
    return text.decode()


def json_texts(payloads: Any) -> list[str]:
    """The JSON texts of payloads that are submitted together.

    Raises:
        TypeError: they are no list.
        InvalidInput, TooLarge: as `json_text`; pointers are `/jobs/3/payload`.
    """
    if isinstance(payloads, str | bytes | Mapping) or not isinstance(payloads, Iterable):
        raise TypeError(f"payloads is a list of them, one for each job, not a {type(payloads).__qualname__}")
    return [json_text(one, f"/jobs/{index}/payload") for index, one in enumerate(payloads)]


def _refuse(place: str, leaf: Any) -> None:
    if isinstance(leaf, float) and not math.isfinite(leaf):
        raise InvalidInput(FieldError(place, f"is {leaf}; JSON has finite numbers only"))
    if isinstance(leaf, str) and "\0" in leaf:
        raise InvalidInput(
            FieldError(place, "contains a NUL character (\\u0000), which Postgres can't store")
        )


def _refused(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """The first value within that can't be written, with the reason."""
    for place, leaf in islice(_leaves(value, pointer, _SEARCHED), _SEARCHED):
        try:
            from_json(to_json(leaf))
        except Exception as error:  # noqa: BLE001  # as above
            yield place, str(error)


def _leaves(value: Any, pointer: str, most: float = math.inf) -> Iterator[tuple[str, Any]]:
    """Every value that holds no others, and every key, with its place; looks at no more than `most` values."""
    stack = [(pointer, value)]
    while stack and most > 0:
        place, item = stack.pop()
        most -= 1
        match item:
            case dict():
                for key, child in item.items():
                    yield place, key
                    stack.append((f"{place}/{escaped(text_of(key, 100))}", child))
            case list() | tuple():
                stack.extend((f"{place}/{index}", child) for index, child in enumerate(item))
            case _:
                yield place, item
