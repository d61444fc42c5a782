"""What a client sends: a path, query parameters, and a body as JSON text."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from corral import json_codec
from corral.actions.submissions.json_value import refuse_faults
from corral.api_problem import ApiProblem
from corral.errors import FieldError, InvalidInput

TOO_LONG = 414
"""What a publisher, or what stands before it, answers where an address is longer than it reads."""
SHOWN_CHARACTERS = 20
"""Characters that a message shows of a part of a path."""


def path_of(*segments: object) -> str:
    """The path below /api/v1 that leads through so many segments; each stays one, whatever characters a name has.

    Raises:
        InvalidInput: one is no text.
    """
    return "".join(f"/{_segment(str(one))}" for one in segments)


def _segment(text: str) -> str:
    if not _is_text(text):
        raise _no_text("", "a name or an id")
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


def refuse_unsendable(path: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Refuse a request that no address can say.

    Raises:
        InvalidInput: something in it is no text, or the path holds a line break or the like.
    """
    if not _is_text(path):
        raise _no_text("", "the path")
    if not path.isprintable():
        raise InvalidInput(
            FieldError("", "the path holds a character that can't be printed, as a line break")
        )
    for name, value in pairs:
        if not _is_text(name):
            raise _no_text("", "the name of a parameter")
        if not _is_text(value):
            raise _no_text(name, "the value")


def too_long(path: str, pairs: Sequence[tuple[str, str]]) -> ApiProblem:
    """What to say of a request whose address is longer than can be sent or read: names the longest part of it."""
    name, value = max(pairs, key=lambda pair: len(quote(pair[1])), default=("", ""))
    segment = max(path.split("/"), key=len)
    if len(segment) > len(quote(value)):
        text = unquote(segment)
        name, value, beginning = "", text, f"{text[:SHOWN_CHARACTERS]}… "
    else:
        beginning = ""
    why = f"{beginning}has {len(value):,} characters, too many for the address of a request"
    return ApiProblem(TOO_LONG, "Too long", "", [FieldError(name, why)])


def seconds_given(name: str, seconds: object) -> float:
    """A length of time that a caller gave, perhaps without an end.

    Raises:
        InvalidInput: it is none.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or math.isnan(seconds):
        raise InvalidInput(FieldError(f"/{name}", "is no number of seconds"))
    return seconds


def _is_text(text: str) -> bool:
    """Whether UTF-8 can write it."""
    return text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text)


def _no_text(name: str, what: str) -> InvalidInput:
    return InvalidInput(FieldError(name, f"{what} holds bytes that are no text in UTF-8"))
