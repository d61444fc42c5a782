"""`name=value` arguments: values are JSON, words, or nothing, which takes an option back."""

from collections.abc import Mapping, Sequence
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


def gathered_parts(values: Mapping[str, Any], option: str) -> dict[str, Any]:
    """The values with each `option.part` as a part of its option, for one whose parts the publisher puts together."""
    whole = {name: value for name, value in values.items() if not name.startswith(f"{option}.")}
    parts = {
        name.removeprefix(f"{option}."): value
        for name, value in values.items()
        if name.startswith(f"{option}.")
    }
    if parts and option in whole:
        raise typer.BadParameter(f"{option} is given whole and in parts", param_hint=option)
    return {**whole, option: parts} if parts else whole


def with_parts(values: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The values with each `option.part` put into its option, whose other parts stay as they are `now`."""
    whole = {name: value for name, value in values.items() if "." not in name}
    for name, value in values.items():
        option, dot, part = name.partition(".")
        if not dot:
            continue
        parts = whole.setdefault(option, dict(now.get(option) or {}))
        if not isinstance(parts, dict):
            raise typer.BadParameter(f"{option} is given whole and in parts", param_hint=name)
        parts[part] = value
    return {
        name: {part: one for part, one in value.items() if one is not None}
        if isinstance(value, dict)
        else value
        for name, value in whole.items()
    }
