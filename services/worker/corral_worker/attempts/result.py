"""From what a handler returned to the JSON text that is stored."""

import math
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from corral import frames, json_codec

MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Larger ones belong into an artifact; Postgres would take them and every reader would suffer."""


class ResultRefused(Exception):
    """The handler returned what its result model or JSON refuses; the message says what and where."""


def result_text(value: Any, adapter: TypeAdapter[Any] | None) -> str | None:
    """The JSON text of a result, None where there is none.

    Every text that comes out of here is one that Postgres stores: it has been parsed again,
    strictly, so that one bad result never fails the batch it is written with.

    Raises:
        ResultRefused: it does not fit the model, is too large, or holds what JSON or Postgres can't.
    """
    if value is None and adapter is None:
        return None
    try:
        text = to_json(_plain(value, adapter))
    except (PydanticSerializationError, ValidationError, RecursionError, ValueError) as error:
        raise ResultRefused(f"the result can't be stored: {frames.text(error)}{_place_in(error)}") from error
    if len(text) > MAX_RESULT_BYTES:
        raise ResultRefused(
            f"the result has {len(text):,} bytes of JSON; the limit is {MAX_RESULT_BYTES:,}: use an artifact"
        )
    _check(text)
    return text.decode()


def _place_in(error: BaseException) -> str:
    """Where a model's own code raised, if it was that."""
    found = frames.place_of(error)
    return f" ({found.shown})" if found and found.of_team else ""


def _plain(value: Any, adapter: TypeAdapter[Any] | None) -> Any:
    """The value without models: a model would write NaN as null without a word."""
    if adapter is not None:
        return adapter.dump_python(adapter.validate_python(value), mode="json")
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _check(text: bytes) -> None:
    """Refuse what is not strict JSON, and what Postgres can't hold.

    Raises:
        ResultRefused: names the place.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # NaN, infinities, deep nesting; or a whole number beyond a double
        try:
            value = json_codec.exact(text)
        except ValueError as error:
            raise ResultRefused(f"the result can't be stored: {error}") from error
    else:
        if b"\\u0000" not in text:
            return
    for path, item in _leaves(value):
        fault = _fault(item)
        if fault:
            raise ResultRefused(f"{path} {fault}")


def _fault(item: str | float) -> str:
    match item:
        case str() if "\0" in item:
            return "has a NUL character (\\u0000), which Postgres cannot store"
        case json_codec.Number() if math.isinf(item):
            return f"is a whole number of more than {json_codec.MAX_DIGITS:,} digits: return it as a string"
        case float() if math.isnan(item):
            return "is NaN, which JSON cannot hold"
        case float() if math.isinf(item):
            return f"is {'Infinity' if item > 0 else '-Infinity'}, which JSON cannot hold"
        case _:
            return ""


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Everything in a parsed JSON value that holds nothing else, keys included: where it is, as Python spells it.

    From the beginning on, so that what is named is what a reader meets first.
    """
    stack = [("result", value)]
    while stack:
        path, item = stack.pop()
        match item:
            case dict():
                stack.extend((f"{path}{_step(key)}", child) for key, child in reversed(item.items()))
                stack.extend((f"a key in {path}", key) for key in item)
            case list():
                stack.extend((f"{path}[{index}]", item[index]) for index in reversed(range(len(item))))
            case _:
                yield path, item


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{key!r}]"
