"""What limits have to do with the jobs of one queue: how many could start, how many may run, and what bounds them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Bound(StrEnum):
    """How a limit keeps jobs waiting."""

    TOTAL = "total"
    """So many run at once."""
    KEY = "key"
    """So many run at once for each key."""
    RATE = "rate"
    """So many start within a time."""
    PAUSED = "paused"
    """A person paused it."""
    PARKED = "parked"
    """A provider asked to wait."""
    UNKNOWN = "unknown"
    """Nobody declared it, or a newer release names another kind."""

    @classmethod
    def _missing_(cls, _: object) -> "Bound":
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class BindingLimit:
    """The limit for which most jobs of a queue wait. Its keys stay untold: they are a customer's data."""

    name: str
    bound: Bound
    lets: float = 0.0
    """Jobs that it lets run at once; of a rate, what it lets start within `per`."""
    per: float = 0.0
    """Seconds; of a rate."""
    keys: int = 0
    """Of how many of its keys jobs wait."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON, as `QueueSignal.of`."""
        return cls(
            name=str(given.get("name", "")),
            bound=Bound(str(given.get("bound"))),
            lets=float(given.get("lets", 0.0)),
            per=float(given.get("per", 0.0)),
            keys=int(given.get("keys", 0)),
        )


@dataclass(frozen=True, slots=True)
class LimitedSignal:
    """The jobs of one queue that take of limits. The queue's own numbers count them too, but for `held` and `arrived`."""

    queued: int = 0
    """Jobs that wait, and that every one of their limits has room for now."""
    held: int = 0
    """Jobs that wait, and that a limit has no room for now. No worker could start them."""
    running: int = 0
    arrived: int = 0
    """Jobs that ever became due. It only rises; after a wipe it begins anew."""
    work: float = 0.0
    """Seconds of work that those of known types among `queued` will take on one slot."""
    unknown: int = 0
    """Jobs among `queued` whose running time is not known yet."""
    held_work: float = 0.0
    """The same seconds of those that are held."""
    held_unknown: int = 0
    """Jobs among `held` whose running time is not known yet."""
    oldest: float = 0.0
    """Seconds that the oldest has waited, for whatever reason; 0 where none waits."""
    oldest_other: float = 0.0
    """Seconds that the oldest job without limits has waited; 0 where none waits."""
    types: frozenset[str] = frozenset()
    """The types whose jobs take of limits."""
    ceiling: float = math.inf
    """The most of these jobs that may run at once. Rates have none: see `rate`."""
    rate: float = math.inf
    """The most of these jobs that may start per second, where a rate is used up."""
    binding: BindingLimit | None = None
    """What most of the held jobs wait for; None where none is held."""
    shared: str = ""
    """The limit whose total is the ceiling: jobs of other queues that take of it share the room. Empty: no total is."""

    per_worker: float = math.inf
    """The most of these jobs that one worker runs at once, where a limit says less than its slots."""

    @property
    def used_up(self) -> bool:
        """Whether jobs wait for a rate: as many start as it lets, whatever arrives."""
        return self.held > 0 and math.isfinite(self.rate)

    @property
    def room(self) -> float:
        """How many more may run at once."""
        return max(0.0, self.ceiling - self.running)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From JSON, as `QueueSignal.of`."""
        binding = given.get("binding")
        return cls(
            queued=int(given.get("queued", 0)),
            held=int(given.get("held", 0)),
            running=int(given.get("running", 0)),
            arrived=int(given.get("arrived", 0)),
            work=float(given.get("work", 0.0)),
            unknown=int(given.get("unknown", 0)),
            held_work=float(given.get("held_work", 0.0)),
            held_unknown=int(given.get("held_unknown", 0)),
            oldest=float(given.get("oldest", 0.0)),
            oldest_other=float(given.get("oldest_other", 0.0)),
            types=frozenset(map(str, given.get("types", ()))),
            ceiling=_bound_or_infinity(given.get("ceiling")),
            rate=_bound_or_infinity(given.get("rate")),
            binding=BindingLimit.of(binding) if binding else None,
            shared=str(given.get("shared", "")),
            per_worker=_bound_or_infinity(given.get("per_worker")),
        )


def _bound_or_infinity(given: float | None) -> float:
    """JSON has no infinity: what is not there is not bounded."""
    return math.inf if given is None else float(given)
