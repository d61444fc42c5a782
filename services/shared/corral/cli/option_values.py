"""`name=value` arguments: values are JSON, words, or nothing, which takes an option back."""

from collections.abc import Sequence
from typing import Any

import typer

from corral import json_codec


def option_values(pairs: Sequence[str], what: str = "OPTION=VALUE") -> dict[str, Any]:
    """The values by name; None where nothing follows the equals sign.

    Raises:
        typer.BadParameter: a pair is none, or a name is given twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r} is not {what}", param_hint=what)
        if name in values:
            raise typer.BadParameter(f"{name} is given twice", param_hint=what)
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    if not text:
        return None
    try:
        return json_codec.loads(text)
    except ValueError:  # a word
        return text
