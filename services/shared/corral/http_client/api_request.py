"""What a client sends: a path, query parameters, and a body as JSON text."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from corral import json_codec
from corral.actions.submissions.json_value import refuse_faults


def path_of(*segments: object) -> str:
    """The path below /api/v1 that leads through so many segments; each stays one, whatever characters a name has."""
    return "".join(f"/{_segment(str(one))}" for one in segments)


def _segment(text: str) -> str:
    return text.replace(".", "%2E") if text in (".", "..") else quote(text, safe=":@")


def body_text(body: Any) -> bytes:
    """A body as JSON text.

    Raises:
        InvalidInput: it holds what JSON has no word for; names the place.
    """
    try:
        text = json_codec.dumps(body)
    except (TypeError, ValueError):
        refuse_faults(body, "")
        raise
    if b"null" in text:  # NaN would be null without a word
        refuse_faults(body, "")
    return text


def query_pairs(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Query parameters as pairs of name and text, without those that are None; a list repeats its name."""
    return tuple(
        (name, str(one).lower() if isinstance(one, bool) else str(one))
        for name, value in params.items()
        if value is not None
        for one in (value if isinstance(value, list | tuple) else [value])
    )
