"""JSON answers: values of Corral as they are, written by orjson."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def encode(value: Any) -> bytes:
    """JSON of dataclasses, UUIDs, enums and times (RFC 3339, UTC)."""
    return orjson.dumps(value, option=_OPTIONS, default=_default)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(encode(value), status_code=status, media_type="application/json", headers=headers)


def _default(value: Any) -> Any:
    if isinstance(value, set | frozenset | tuple):
        return sorted(value) if isinstance(value, set | frozenset) else list(value)
    raise TypeError(f"{type(value).__qualname__} has no JSON form")
