"""What somebody asks for by its name is there, or the caller is told that it is not."""

from typing import TypeVar

from corral.errors import NotFound

T = TypeVar("T")


def existing(found: T | None, kind: str, name: object) -> T:
    """What was found.

    Raises:
        NotFound: nothing was: there is no such thing of that name.
    """
    if found is None:
        raise NotFound(kind, name)
    return found
