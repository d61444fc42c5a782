"""How many jobs of each queue their limits let start and run, from who waits, who runs, and the room there is. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from corral.scaling.limited_signal import BindingLimit, Bound

SLACK = 1e-9
"""Costs are floating-point numbers: sums of them may differ by less than this."""


@dataclass(frozen=True, slots=True)
class Room:
    """What may be taken of one limit, or of one of its keys, now."""

    limit: str
    key: str = ""
    """Empty for the total."""
    left: float = math.inf
    """Below 0 where nothing may start."""
    bound: float | None = None
    """The most that may be in use; None: no bound, or a rate."""
    rate: float | None = None
    """How much may be taken in `per` seconds."""
    per: float = 1.0
    paused: bool = False
    parked: bool = False
    """A provider asked to wait, and no job succeeded since."""
    declared: bool = True
    probing: bool = False
    """The wait is over: one job goes first, and nobody else before its success."""
    per_worker: float | None = None
    """So many at once in each worker; None: as many as it has slots."""

    @property
    def binding(self) -> BindingLimit:
        """What it says to those that wait for it."""
        if not self.declared:
            return BindingLimit(self.limit, Bound.UNKNOWN)
        if self.paused:
            return BindingLimit(self.limit, Bound.PAUSED)
        if self.parked:
            return BindingLimit(self.limit, Bound.PARKED)
        if self.rate is not None:
            return BindingLimit(self.limit, Bound.RATE, self.rate, self.per)
        return BindingLimit(self.limit, Bound.KEY if self.key else Bound.TOTAL, self.bound or 0.0)


@dataclass(frozen=True, slots=True)
class WaitingJobs:
    """Jobs of one queue and type that wait for the same limits and keys."""

    queue: str
    type: str
    jobs: int
    age: float
    """Seconds that the oldest has waited."""
    takes: Mapping[str, float]
    """What one of them takes, by the name of the limit or key: `openai`, `customer=acme`."""
    together: int = 1
    """How many a handler gets at once: they are one piece of work."""

    def pieces(self, jobs: int) -> int:
        """How many pieces of work so many of them are."""
        return math.ceil(jobs / self.together)


@dataclass(frozen=True, slots=True)
class RunningJobs:
    """Jobs of one queue that run and take of the same limits and keys."""

    queue: str
    type: str
    jobs: int
    names: frozenset[str]


@dataclass(slots=True)
class LimitedJobs:
    """The limited jobs of one queue."""

    queued: int = 0
    """Could start now."""
    held: int = 0
    """Could not."""
    running: int = 0
    oldest: float = 0.0
    """Seconds."""
    startable: dict[str, int] = field(default_factory=dict)
    """`queued`, by type."""
    kept: dict[str, int] = field(default_factory=dict)
    """`held`, by type."""
    types: set[str] = field(default_factory=set)
    """All types that wait or run."""
    ceiling: float = math.inf
    rate: float = math.inf
    binding: BindingLimit | None = None
    shared: str = ""
    per_worker: float = math.inf


def limited_jobs(
    waiting: Sequence[WaitingJobs], running: Sequence[RunningJobs], rooms: Mapping[str, Room]
) -> dict[str, LimitedJobs]:
    """By queue. Each queue is told of all the room there is, because any of them may take it."""
    queues = sorted({one.queue for one in waiting} | {one.queue for one in running})
    return {
        queue: _of_queue(
            [one for one in waiting if one.queue == queue],
            [one for one in running if one.queue == queue],
            rooms,
        )
        for queue in queues
    }


def _of_queue(
    waiting: Sequence[WaitingJobs], running: Sequence[RunningJobs], rooms: Mapping[str, Room]
) -> LimitedJobs:
    found = LimitedJobs(
        running=sum(one.jobs for one in running),
        oldest=max((one.age for one in waiting), default=0.0),
        types={one.type for one in waiting} | {one.type for one in running},
    )
    blocked: Counter[str] = Counter()
    left = {name: room.left for name, room in rooms.items()}
    for one in sorted(waiting, key=lambda one: -one.age):
        if not one.takes and one.together == 1:  # the leader evaluates them in a moment
            continue
        fits = {
            name: min(_fit(left.get(name, 0.0), cost), 1.0 if _room(rooms, name).probing else math.inf)
            for name, cost in one.takes.items()
        }
        tightest = min(fits, key=lambda name: fits[name], default="")
        starts = int(min(one.jobs, fits.get(tightest, math.inf)))
        for name, cost in one.takes.items():
            taken = left.get(name, 0.0) - starts * cost
            left[name] = 0.0 if starts and _room(rooms, name).probing else taken
        pieces, kept = one.pieces(starts), one.pieces(one.jobs - starts)
        found.queued += pieces
        if starts:
            found.startable[one.type] = found.startable.get(one.type, 0) + pieces
        if kept:
            blocked[tightest] += kept
            found.kept[one.type] = found.kept.get(one.type, 0) + kept
    found.held = blocked.total()
    _bound(found, blocked, waiting, running, rooms)
    return found


def _fit(left: float, cost: float) -> float:
    """How many jobs of this cost there is room for."""
    return math.inf if math.isinf(left) else max(0.0, math.floor((left + SLACK) / max(cost, SLACK)))


def _bound(
    found: LimitedJobs,
    blocked: Counter[str],
    waiting: Sequence[WaitingJobs],
    running: Sequence[RunningJobs],
    rooms: Mapping[str, Room],
) -> None:
    """How many may run at once, and start per second.

    A total that all of them take of bounds them whoever waits. Keys bound them while jobs wait for keys: a new key could
    come at any time. A rate that is used up bounds how many start.
    """
    sets = [*(set(one.takes) for one in waiting if one.takes), *(set(one.names) for one in running)]
    for name in sorted(set.intersection(*sets)) if sets else ():
        room = rooms.get(name, Room(name, left=-1.0))
        if room.per_worker is not None:
            found.per_worker = min(found.per_worker, room.per_worker)
        most = min(_fit(room.left, 1.0), 1.0 if room.probing else math.inf)
        if room.rate is None and (ceiling := found.running + most) < found.ceiling:
            found.ceiling, found.shared = ceiling, "" if room.key else room.limit
    if not blocked:
        return
    limits: Counter[str] = Counter()
    for name, jobs in blocked.items():
        limits[_room(rooms, name).limit] += jobs
    limit, _ = limits.most_common(1)[0]
    names = [name for name in blocked if _room(rooms, name).limit == limit]
    worst = _room(rooms, max(names, key=lambda name: blocked[name])).binding
    keys = sum(bool(_room(rooms, name).key) for name in names)
    found.binding = BindingLimit(worst.name, worst.bound, worst.lets, worst.per, keys)
    if any(_room(rooms, name).binding.bound is Bound.RATE for name in blocked):
        found.rate = _starts(waiting, rooms)
    elif found.running + found.queued < found.ceiling:
        found.ceiling, found.shared = float(found.running + found.queued), ""


def _room(rooms: Mapping[str, Room], name: str) -> Room:
    return rooms.get(name, Room(name, left=-1.0, declared=False))


def _starts(waiting: Sequence[WaitingJobs], rooms: Mapping[str, Room]) -> float:
    """How many of the waiting jobs their rates let start per second; each limit and key counts once."""
    starts: dict[str, float] = {}
    for one in waiting:
        rates = [
            (room.rate / room.per / max(cost, SLACK), name)
            for name, cost in one.takes.items()
            if (room := _room(rooms, name)).rate is not None
        ]
        if not rates:
            return math.inf
        most, name = min(rates)
        starts[name] = max(most, starts.get(name, 0.0))
    return sum(starts.values())
