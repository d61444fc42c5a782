"""Words on the command line of which one is to be chosen, and ids: read before anything is done."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import typer

from corral.ids import parse_id

W = TypeVar("W", bound=StrEnum)


def choice(kind: type[W], meaning: str) -> Any:
    """An option that takes one of the words of an enumeration."""
    words = [one.value for one in kind]

    def read(text: str) -> W:
        try:
            return kind(text)
        except ValueError:
            raise typer.BadParameter(
                f"{text[:50]!r} is not one of the choices; it must be {' or '.join(words)}"
            ) from None

    return typer.Option(parser=read, help=meaning, metavar=f"<{'|'.join(words)}>")


def id_of(what: str) -> Callable[[str], UUID]:
    """Reads the id of something; `what` is that, as in "a key"."""

    def read(text: str) -> UUID:
        found = parse_id(text)
        if found is None:
            raise typer.BadParameter(f"{text[:50]!r} is no id of {what}")
        return found

    return read
