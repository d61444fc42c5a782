"""JSON answers: values of Corral as they are, written by orjson."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import orjson
from starlette.responses import Response

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def encode(value: Any, *, indent: bool = False) -> bytes:
    """JSON of dataclasses, UUIDs, enums and times (RFC 3339, UTC)."""
    try:
        return orjson.dumps(value, option=_OPTIONS | (orjson.OPT_INDENT_2 if indent else 0), default=_default)
    except orjson.JSONEncodeError:
        return _deep(value)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(encode(value), status_code=status, media_type="application/json", headers=headers)


def _deep(value: Any) -> bytes:
    """The same for what is nested deeper than orjson writes (254 levels): a handler's result may be."""
    written: list[bytes] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, _Written):
            written.append(item)
        elif isinstance(item, dict):
            stack.append(_Written(b"}"))
            for index, (key, child) in enumerate(reversed(item.items())):
                comma = b"" if index == len(item) - 1 else b","
                stack += (child, _Written(comma + orjson.dumps(str(key)) + b":"))
            stack.append(_Written(b"{"))
        elif isinstance(item, list | tuple):
            stack.append(_Written(b"]"))
            for index, child in enumerate(reversed(item)):
                stack += (child, _Written(b"" if index == len(item) - 1 else b","))
            stack.append(_Written(b"["))
        elif is_dataclass(item) and not isinstance(item, type):
            stack.append({field.name: getattr(item, field.name) for field in fields(item)})
        else:
            written.append(orjson.dumps(item, option=_OPTIONS, default=_default))
    return b"".join(written)


class _Written(bytes):
    """A part of the JSON text."""


def _default(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")
