"""A value as a message repeats it: as its sender wrote it, in JSON."""

import json
from decimal import Decimal
from typing import Any, Final

from corral.json_codec import Number
from corral.json_pointer import visible

SHOWN_CHARACTERS: Final = 60
"""Characters of a value that a message repeats."""
LONG: Final = 10**SHOWN_CHARACTERS


def shown(value: Any) -> str:  # noqa: PLR0911  # a row each
    """A value as JSON, cut short; of lists and objects no more than what they are."""
    match value:
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            return _cut(visible(json.dumps(value[: SHOWN_CHARACTERS + 1], ensure_ascii=False)))
        case int() if not isinstance(value, bool) and abs(value) >= LONG:
            return "a whole number of more than 60 digits"
        case Decimal() | Number():
            return _cut(str(value))
        case None | bool() | int() | float():
            return json.dumps(value)
        case _:
            return _cut(visible(repr(value)))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
