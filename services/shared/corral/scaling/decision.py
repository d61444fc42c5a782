"""The decision of the law: how many workers a pool should have, and the conditions that a person should know of."""

from dataclasses import dataclass
from enum import StrEnum

from corral.scaling.history import History


class Condition(StrEnum):
    """A state of a pool that a person should know of."""

    SIGNAL_LOST = "SignalLost"
    """The backlog is not known; the number of workers is held."""
    LIMITED = "Limited"
    """More workers than the maximum were needed."""
    WORKERS_FAILING = "WorkersFailing"
    """Workers end before they claim; no more are started."""
    UNSCHEDULABLE = "Unschedulable"
    """Workers find no place to run; no more are started."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers of a pool, as the caller counts them."""

    wanted: int
    """Asked for, without those that leave."""
    ready: int
    """Of these, how many claim."""
    leaving: int = 0
    """Told to leave, but still there: they come back at once when asked."""
    failing: int = 0
    """Of those wanted, how many ended and were started again, and do not claim."""
    unschedulable: int = 0
    """Of those wanted, how many wait for a place."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How many workers there should be, and why, in words and numbers."""

    desired: int
    reason: str
    history: History
    """To be given to the next decision."""
    conditions: frozenset[Condition] = frozenset()
    needed: int = 0
    """Workers needed now, before bounds and windows."""
