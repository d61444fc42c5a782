"""Numbers on the command line: checked against bounds before anything is done."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from corral.job.bounds import Bounds

N = TypeVar("N", int, float)


def whole(bounds: Bounds, meaning: str, metavar: str | None = None) -> Any:
    """An option that takes a whole number within bounds."""
    return typer.Option(
        parser=_parser(int, "whole number", bounds), help=f"{meaning} [{bounds.span}]", metavar=metavar
    )


def real(bounds: Bounds, meaning: str, metavar: str | None = None) -> Any:
    """An option that takes a number within bounds."""
    return typer.Option(
        parser=_parser(float, "number", bounds), help=f"{meaning} [{bounds.span}]", metavar=metavar
    )


def _parser(kind: type[N], word: str, bounds: Bounds) -> Callable[[Any], N]:
    """Reads a number of this kind within bounds; `word` is what the kind is called."""

    def number(value: Any) -> N:
        try:
            found = kind(value)
        except ValueError:
            raise typer.BadParameter(f"{str(value)[:50]!r} is no {word}; it must be {bounds}") from None
        if (fault := bounds.fault(found)) is not None:
            raise typer.BadParameter(f"it {fault}")
        return found

    return number
