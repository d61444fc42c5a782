"""A pool as whoever scales it last described it: for people, and for nobody's decision."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from corral.scaling.said import count, moment, number

Scaler = Literal["operator", "corral up"]
_TEXTS = ("name", "scaled_by", "reason")
_LISTS = ("queues", "conditions", "draining")
_COUNTS = ("minimum", "maximum", "slots", "replicas", "ready", "desired", "needed", "backlog_jobs")
_NUMBERS = ("backlog_seconds", "oldest_seconds", "throughput", "wait_objective", "drain_objective")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """One pool at one moment. Times are unix seconds by the writer's clock: to be shown, not compared."""

    name: str
    scaled_by: Scaler
    minimum: int
    maximum: int
    slots: int
    """Jobs that one worker runs at once."""
    queues: tuple[str, ...]
    """Those that it serves; `*` alone is all."""
    replicas: int
    """Workers asked for now."""
    ready: int
    desired: int
    """What the law wants."""
    needed: int
    """The same before bounds and windows."""
    reason: str
    conditions: tuple[str, ...]
    backlog_jobs: int
    backlog_seconds: float
    """Seconds of work queued, on one slot."""
    oldest_seconds: float
    """How long the oldest due job has waited."""
    throughput: float
    """Jobs that ended per second, lately."""
    draining: tuple[str, ...]
    """Names of the workers that were asked to leave."""
    paused: bool
    wait_objective: float
    """Seconds."""
    drain_objective: float
    """Seconds."""
    at: float
    last_scale_at: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON; what is unknown is left out, as another release may have written it.

        Raises:
            KeyError, TypeError, ValueError: it is no status.
        """
        known = {one.name: given[one.name] for one in fields(cls) if one.name in given}
        for name in _TEXTS:
            known[name] = str(given[name]).replace("\0", "")
        for name in _LISTS:
            known[name] = tuple(map(str, given[name]))
        for name in _COUNTS:
            known[name] = count(given[name])
        for name in _NUMBERS:
            known[name] = number(given[name])
        known["at"] = moment(given["at"])
        last = given.get("last_scale_at")
        known["last_scale_at"] = None if last is None else moment(last)
        known["paused"] = bool(given["paused"])
        return cls(**known)

    def json(self) -> dict[str, Any]:
        """As JSON's values."""
        return asdict(self)

    def serves(self, queue: str) -> bool:
        """Whether its workers take jobs of this queue."""
        return queue in self.queues or self.queues == ("*",)
