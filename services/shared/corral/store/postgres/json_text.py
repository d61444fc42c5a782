"""JSON as text on its way in and out of Postgres.

Payloads and results are stored in columns of type json: checked, kept as they
were written, never taken apart by the server.
"""

import json
import re
from typing import Any

import orjson

from corral import json_codec
from corral.errors import FieldError, InvalidInput

HOLDS_NUL = "the text holds a NUL character (\\u0000), which Postgres can't store"
HOLDS_HALF = "the text holds half of a character (a lone surrogate), which can't be stored"
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def checked(text: str, pointer: str) -> str:
    """The text itself, after a check that every reader can parse it.

    Most texts hold no escape and pass at once; the rest of the syntax is Postgres' to check.

    Raises:
        InvalidInput: a NUL or a lone surrogate, escaped or not; `pointer` says where the text belongs.
    """
    if "\0" in text:
        raise InvalidInput(FieldError(pointer, HOLDS_NUL))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(FieldError(pointer, HOLDS_HALF)) from error
    if "\\u" in text:
        if _NUL.search(text):
            raise InvalidInput(FieldError(pointer, HOLDS_NUL))
        _refuse_lone(text, pointer)
    return text


def _refuse_lone(text: str, pointer: str) -> None:
    """Refuse what the strict parser does not read, but for whole numbers beyond a double.

    Raises:
        InvalidInput: it is no JSON, or spells half of a surrogate pair.
    """
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            json.dumps(json_codec.exact(text), ensure_ascii=False).encode()
        except ValueError:
            raise InvalidInput(FieldError(pointer, f"this is not JSON: {error}")) from error


def encode(value: object) -> str:
    """A value as JSON text; numbers keep their value."""
    return json_codec.dumps(value).decode()


def decode(data: bytes | str) -> Any:
    """The value of JSON that Postgres holds. Never raises: what is nested too deeply stays text."""
    try:
        return json_codec.lenient(data)
    except ValueError:
        return json_codec.Document(bytes(data).decode() if not isinstance(data, str) else data)
