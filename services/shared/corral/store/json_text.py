"""JSON as text on its way in and out of Postgres.

Payloads and results are stored in columns of type json: checked, kept as they
were written, never taken apart by the server.
"""

import json
import re
from typing import Any

import orjson

from corral.errors import FieldError, InvalidInput

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked(text: str, pointer: str) -> str:
    """The text, where it is JSON that can be read again by everyone.

    Most texts hold no escape and pass at once; the rest of the syntax is Postgres' to check.

    Raises:
        InvalidInput: a NUL or a lone surrogate, escaped or not; `pointer` says where the text belongs.
    """
    if "\0" in text:
        raise InvalidInput(FieldError(pointer, "the text holds a NUL"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(FieldError(pointer, "the text holds a lone surrogate")) from error
    if "\\u" in text:
        if _NUL.search(text):
            raise InvalidInput(FieldError(pointer, "the text holds a NUL"))
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InvalidInput(FieldError(pointer, f"this is not JSON: {error}")) from error
    return text


def encode(value: object) -> str:
    """A value as JSON text."""
    return orjson.dumps(value).decode()


def decode(data: bytes | str) -> Any:
    """The value of JSON text; numbers beyond 64 bits stay whole."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


def printable(text: str, limit: int) -> str:
    """Text from outside that Postgres can hold: no NUL, no lone surrogate, at most `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
