"""Who acts, and what it may do."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a key or a session may do; each includes the one before."""

    VIEWER = "viewer"
    """Reads."""
    OPERATOR = "operator"
    """Submits, cancels, retries, pauses."""
    ADMIN = "admin"
    """Removes: clean, and whatever can't be undone."""

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that has shown who it is. `name` is what the audit shows."""

    name: str
    role: Role
