"""A decision about a pool, as it is kept and drawn under the queue's chart."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from corral.scaling.said import count, moment, number


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingDecision:
    """A change of a pool's size or of its conditions, with its reason in words and numbers."""

    id: UUID
    """Version 7, made by whoever decided: the same decision is kept once, however often it is told."""
    pool: str
    at: float
    """Unix seconds, by the clock of whoever decided."""
    before: int
    after: int
    needed: int
    ready: int
    reason: str
    conditions: tuple[str, ...]
    backlog_jobs: int
    backlog_seconds: float
    oldest_seconds: float

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON; what is unknown is left out.

        Raises:
            KeyError, TypeError, ValueError: it is no decision.
        """
        return cls(
            id=UUID(given["id"]),
            pool=str(given["pool"]),
            at=moment(given["at"]),
            before=count(given["before"]),
            after=count(given["after"]),
            needed=count(given["needed"]),
            ready=count(given["ready"]),
            reason=str(given["reason"]),
            conditions=tuple(map(str, given["conditions"])),
            backlog_jobs=count(given["backlog_jobs"]),
            backlog_seconds=number(given["backlog_seconds"]),
            oldest_seconds=number(given["oldest_seconds"]),
        )

    def json(self) -> dict[str, Any]:
        """As JSON's values."""
        return asdict(self) | {"id": str(self.id)}
