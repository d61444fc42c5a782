"""A worker as the signal tells of it: what whoever scales needs to choose those that leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Standing = Literal["active", "draining"]


@dataclass(frozen=True, slots=True)
class WorkerSignal:
    """What the signal says of one live worker; its name is the key."""

    id: str
    """Its incarnation: another one after a restart under the same name."""
    running: int = 0
    """Jobs that Postgres says it runs."""
    state: Standing = "active"
    alive_for: float = 0.0
    """Seconds since it registered."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON; a state that this release does not know counts as draining: nothing is claimed in it."""
        return cls(
            id=str(given["id"]),
            running=int(given.get("running", 0)),
            state="active" if given.get("state") == "active" else "draining",
            alive_for=float(given.get("alive_for", 0.0)),
        )
