"""Numbers on the command line: checked against bounds before anything is done."""

from collections.abc import Callable
from typing import Any, TypeVar

import typer

from corral.job.bounds import Bounds

N = TypeVar("N", int, float)


def whole(bounds: Bounds, meaning: str, metavar: str | None = None) -> Any:
    """An option that takes a whole number within bounds."""
    return typer.Option(parser=_whole(bounds), help=f"{meaning} [{bounds.span}]", metavar=metavar)


def real(bounds: Bounds, meaning: str, metavar: str | None = None) -> Any:
    """An option that takes a number within bounds."""
    return typer.Option(parser=_real(bounds), help=f"{meaning} [{bounds.span}]", metavar=metavar)


def _whole(bounds: Bounds) -> Callable[[Any], int]:

    def number(value: Any) -> int:
        try:
            found = int(value)
        except ValueError:
            raise typer.BadParameter(f"{str(value)[:50]!r} is no whole number; it must be {bounds}") from None
        return _within(found, bounds)

    return number


def _real(bounds: Bounds) -> Callable[[Any], float]:

    def number(value: Any) -> float:
        try:
            found = float(value)
        except ValueError:
            raise typer.BadParameter(f"{str(value)[:50]!r} is no number; it must be {bounds}") from None
        return _within(found, bounds)

    return number


def _within(value: N, bounds: Bounds) -> N:
    if (fault := bounds.fault(value)) is not None:
        raise typer.BadParameter(f"it {fault}")
    return value
