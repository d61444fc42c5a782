"""What the law remembers between two decisions. A value: whoever decides keeps it and hands it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from corral.scaling.arrivals import Arrivals
from corral.scaling.demand import service_of
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import LOST_SECONDS, Signal
from corral.scaling.startup_time import StartLine
from corral.scaling.streams import streams


@dataclass(frozen=True, slots=True)
class Need:
    """How many workers were needed at one moment of the caller's monotonic clock."""

    at: float
    workers: int


Needs = tuple[Need, ...]
"""Falling from left to right: those that can still be the highest of a window; the newest last."""


@dataclass(frozen=True, slots=True)
class Start:
    """A worker that was asked for and does not claim jobs yet."""

    ordered: float
    position: int
    """Among those that started at once, from 1."""


@dataclass(frozen=True, slots=True)
class History:
    """What the law remembers of a pool between two decisions. Empty at first."""

    sequence: int | None = None
    """Of the last signal counted."""
    leader_at: float = 0.0
    """By the leader's clock."""
    seen_at: float = 0.0
    """By the caller's clock."""
    arrivals: Mapping[str, Arrivals] = field(default_factory=lambda: MappingProxyType({}))
    load: Needs = ()
    """For what keeps coming, without any safety."""
    steady: Needs = ()
    """For what keeps coming."""
    burst: Needs = ()
    """For everything, bursts included."""
    starting: tuple[Start, ...] = ()
    starts: StartLine = field(default_factory=StartLine)
    came_at: float | None = None
    """When a worker last became ready, or none was missing."""

    @property
    def first(self) -> bool:
        """Whether no decision was made before."""
        return self.came_at is None

    @property
    def highest(self) -> int:
        """The highest number of workers that was needed within the remembered time."""
        return max((needs[0].workers for needs in (self.load, self.steady, self.burst) if needs), default=0)

    def counted(self, wanted: int, ready: int, now: float) -> "History":
        """This history with the start times of workers that became ready since the last decision."""
        missing = max(0, wanted - ready)
        came = self.starting[: max(0, len(self.starting) - missing)]
        came_at = now if came or not missing or self.came_at is None else self.came_at
        starts = self.starts.learned([(start.position, now - start.ordered) for start in came])
        return replace(self, starts=starts, starting=self.starting[len(came) :], came_at=came_at)

    def saw(self, signal: Signal, pool: PoolSpec, workers: int, now: float) -> "History":
        """This history with the arrivals of this signal, unless it is the one that was seen last.

        What was known of arrivals is out of date when the signal was away; so many `workers` are taken to
        have been needed until now then, as at first sight.
        """
        if signal.sequence == self.sequence:
            return self
        known, seconds = self, signal.at - self.leader_at
        if not 0 < seconds <= LOST_SECONDS:
            seconds = now - self.seen_at
        if self.sequence is None or not 0 < seconds <= LOST_SECONDS:
            need = (Need(now, workers),)
            known = replace(self, arrivals={}, load=need, steady=need, burst=need)
        arrivals = {
            one.name: known.arrivals.get(one.name, Arrivals()).seen(
                one.queue.arrived, seconds, service_of(one.queue).mean
            )
            for one in streams(signal, pool)
        }
        return replace(known, sequence=signal.sequence, leader_at=signal.at, seen_at=now, arrivals=arrivals)

    def ordered(self, change: int, returning: int, now: float) -> "History":
        """This history with a change of the number of workers; `returning` of them are running already and need no start."""
        if change <= 0:
            return replace(self, starting=self.starting[: max(0, len(self.starting) + change)])
        begun = len(self.starting)
        new = tuple(Start(now, begun + n) for n in range(1, change - returning + 1))
        return replace(self, starting=(*self.starting, *new))


def remember(needs: Needs, need: Need, window: float) -> Needs:
    """The needs that can still be the highest of a window."""
    return (*(old for old in needs if old.workers > need.workers and need.at - old.at <= window), need)
