"""From what a handler returned to the JSON text that is stored."""

from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from corral import frames

MAX_RESULT_BYTES = 16 * 1024 * 1024
"""Larger ones belong into an artifact; Postgres would take them and every reader would suffer."""


class ResultRefused(Exception):
    """The handler returned what its result model or JSON refuses; the message says what and where."""


def result_text(value: Any, adapter: TypeAdapter[Any] | None) -> str | None:
    """The JSON text of a result, None where there is none.

    Every text that comes out of here is one that Postgres stores: it has been parsed again,
    strictly, so that one bad result never fails the batch it is written with.

    Raises:
        ResultRefused: it does not fit the model, or holds what JSON or Postgres can't.
    """
    if value is None and adapter is None:
        return None
    try:
        text = to_json(_plain(value, adapter))
        if b"\\u0000" in text:
            _refuse_nul(orjson.loads(text))
        elif len(text) > MAX_RESULT_BYTES:
            raise ResultRefused(
                f"the result has {len(text):,} bytes of JSON; the limit is {MAX_RESULT_BYTES:,}: use an artifact"
            )
        else:
            orjson.loads(text)  # refuses NaN, infinities and nesting beyond 1,024 levels
    except (PydanticSerializationError, ValidationError, RecursionError, ValueError) as error:
        raise ResultRefused(f"the result can't be stored: {frames.text(error)}{_place_in(error)}") from error
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


def _refuse_nul(value: Any) -> None:
    for path, text in _texts(value):
        if "\0" in text:
            raise ResultRefused(
                f"the result has a NUL character (\\u0000) at {path or '/'}: Postgres can't store it"
            )


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a parsed JSON value, keys included, with the place it stands at."""
    stack = [(path, value)]
    while stack:
        path, item = stack.pop()
        match item:
            case str():
                yield path, item
            case dict():
                for key, child in item.items():
                    yield path, key
                    stack.append((f"{path}/{key}", child))
            case list():
                stack.extend((f"{path}/{index}", child) for index, child in enumerate(item))
