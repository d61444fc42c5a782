"""Declarations by name: a name is declared once, wherever it is imported."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from corral.errors import DeclarationError


class NamedDeclaration(Protocol):
    """A declared queue, limit or provider."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def module(self) -> str:
        """The module that declares it."""

    @property
    def values(self) -> dict[str, Any]:
        """What it says, as JSON."""


Named = TypeVar("Named", bound=NamedDeclaration)


def one_of_each_name(kind: str, declared: Iterable[Named], where: str = "") -> dict[str, Named]:
    """The declarations by name.

    Args:
        kind: what they are, for the message: `queue`.
        declared: all of them; the same one may be there more than once.
        where: who names them, for the message: `job type mail.send`.

    Raises:
        DeclarationError: two of one name differ; names both modules.
    """
    found: dict[str, Named] = {}
    for one in declared:
        other = found.setdefault(one.name, one)
        if other != one:
            raise DeclarationError(
                f"{where + ': ' if where else ''}{kind} {one.name} is declared twice and differs in"
                f" {_differences(other.values, one.values)}: in {other.module} and {one.module};"
                " declare it once and import it"
            )
    return found


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What differs between two declarations, in words: `total (25, 30)`."""
    return ", ".join(
        f"{option} ({one.get(option, 'not given')}, {other.get(option, 'not given')})"
        for option in sorted(one.keys() | other.keys())
        if one.get(option) != other.get(option)
    )
