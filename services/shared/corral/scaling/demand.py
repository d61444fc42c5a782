"""What a signal asks of a pool: for each kind of slot, what waits, runs and keeps coming, in seconds of work."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from corral.scaling.arrivals import Arrivals
from corral.scaling.limited_signal import LimitedSignal
from corral.scaling.pool import PoolSpec
from corral.scaling.signal import QueueSignal, Signal, TypeSignal
from corral.scaling.streams import streams

KNOWN_AFTER = 3
"""Completions from which a type's time is known."""
LEARN_FROM_AGE_TIMES_MEAN = 2.0
"""Times the mean from which on the age of a running job is learned from."""
MAX_SQUARED_VARIATION = 30.0
"""The most that a squared coefficient of variation is believed to be."""
LOOKAHEAD_SECONDS = 3.0
"""Seconds that a rate which plainly rises or falls is carried on."""

MEAN_ROUNDS = 3
"""In which a mean and what it says of running jobs come to agree."""
TRUSTED_AFTER_SIGNALS = 10
"""Signals from which on the arrivals of a queue tell its load."""


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """How long jobs run, learned from those that completed and those that have run longer."""

    jobs: float = 0.0
    """Learned from so many."""
    mean: float = 0.0
    """Seconds."""
    square: float = 0.0
    """Mean of the squares."""

    @property
    def spread(self) -> float:
        """Variance over the mean squared."""
        return min(max(self.square / self.mean**2 - 1, 0.0), MAX_SQUARED_VARIATION) if self.mean > 0 else 1.0


@dataclass(frozen=True, slots=True)
class SteadyLoad:
    """The load of jobs that keep arriving: their rate and the slots that they keep busy."""

    rate: float = 0.0
    """Jobs of known types that arrive per second."""
    mean: float = 0.0
    """Jobs that run at once on average, at this rate."""
    doubt: float = 0.0
    """Standard deviation of the mean, by how much it was learned from."""


@dataclass(frozen=True, slots=True)
class Portion:
    """The jobs of a demand that one limit bounds, or all that none does."""

    present: int
    """That wait or run."""
    load: SteadyLoad
    service: ServiceTimes
    ceiling: float = math.inf
    """The most that may run at once."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The work of all queues whose jobs take the same kind of slot."""

    slots: int
    """Of this kind, in one worker."""
    queued: int = 0
    running: int = 0
    due_soon: int = 0
    oldest: float = 0.0
    work: float = 0.0
    """Seconds, of the waiting jobs of known types."""
    unknown: int = 0
    """Waiting jobs of unknown types."""
    unknown_running: int = 0
    load: SteadyLoad = SteadyLoad()
    service: ServiceTimes = ServiceTimes()
    portions: tuple[Portion, ...] = ()
    """All of it, by what bounds it; empty where nothing does."""
    limited: tuple[LimitedSignal, ...] = ()
    """What limits let of it, by queue."""

    @property
    def held(self) -> int:
        """The jobs that wait, and that a limit has no room for."""
        return sum(one.held for one in self.limited)

    @property
    def chance(self) -> float:
        """Jobs that run at once on average, and of which more may run by chance: a load at its limit does not vary."""
        return (
            sum(one.load.mean for one in self.portions if not math.isfinite(one.ceiling))
            if self.portions
            else self.load.mean
        )

    @property
    def waiting(self) -> int:
        """The jobs that wait: those that are queued and those that are due soon."""
        return self.queued + self.due_soon

    @property
    def planned(self) -> int:
        """The waiting jobs whose type has a known running time."""
        return self.waiting - self.unknown

    @property
    def unplanned(self) -> int:
        """The slots for waiting jobs whose running time is unknown: one for each."""
        return self.unknown + self.unknown_running

    @property
    def mean_waiting(self) -> float:
        """Seconds that a waiting job of a known type will run; 0 where none waits."""
        return self.work / self.planned if self.planned > 0 else 0.0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, now or soon."""
        return not (self.waiting or self.running)


@dataclass(frozen=True, slots=True)
class Told:
    """One stream of jobs, what came of it, and what limits let it."""

    queue: QueueSignal
    arrivals: Arrivals
    limited: LimitedSignal | None = None

    def most(self, mean: float) -> float:
        """The most jobs of `mean` seconds that limits let start per second for long."""
        return math.inf if self.limited is None else min(self.limited.rate, self.limited.ceiling / mean)


def service_of(queue: QueueSignal) -> ServiceTimes:
    """The jobs that arrive in this queue, weighted by how many of each type completed."""
    return _mixed([_service(kind) for kind in queue.types.values() if kind.completed >= KNOWN_AFTER])


def _service(kind: TypeSignal) -> ServiceTimes:
    """One type. Long jobs are known while they run, not only when they end.

    What completes first in a burst is what is short: the mean of the completed alone would ask for too few workers
    then. A running job is expected to take what it has taken and, if such jobs differ much, a mean more.

    Source: for exponential times this is the maximum likelihood under right-censoring, total time over completions.
    """
    old = [age for age in kind.elapsed if age > LEARN_FROM_AGE_TIMES_MEAN * kind.mean]
    jobs = kind.completed + len(old)
    known = ServiceTimes(
        jobs,
        (kind.completed * kind.mean + sum(old)) / jobs,
        (kind.completed * (kind.variance + kind.mean**2) + sum(age * age for age in old)) / jobs,
    )
    memoryless, mean = min(1.0, known.spread), kind.mean
    for _ in range(MEAN_ROUNDS):
        telling = [age for age in kind.elapsed if age > (1 - memoryless) * mean]
        mean = (kind.completed * kind.mean + sum(telling)) / (
            kind.completed + len(telling) * (1 - memoryless)
        )
    return ServiceTimes(jobs, mean, (known.spread + 1) * mean**2)


def demands(signal: Signal, pool: PoolSpec, arrivals: Mapping[str, Arrivals]) -> list[Demand]:
    """The demand for each kind of slot; queues whose jobs take the same kind are added up."""
    kinds: dict[int, list[Told]] = {}
    for one in streams(signal, pool):
        came = Arrivals() if one.queue.paused else arrivals.get(one.name, Arrivals())
        limited = None if one.queue.paused else one.limited
        kinds.setdefault(one.slots, []).append(Told(_claimable(one.queue), came, limited))
    return [_demand(slots, told) for slots, told in sorted(kinds.items())]


def _claimable(queue: QueueSignal) -> QueueSignal:
    """The queue without its waiting jobs where it is paused: nobody may claim them."""
    if not queue.paused:
        return queue
    return replace(queue, queued=0, oldest=0.0, work=0.0, unknown=0, due_soon=0)


def _demand(slots: int, told: Sequence[Told]) -> Demand:
    queues = [one.queue for one in told]
    services = [service_of(queue) for queue in queues]
    service = _mixed(services)
    queued, due_soon = sum(queue.queued for queue in queues), sum(queue.due_soon for queue in queues)
    return Demand(
        slots=slots,
        queued=queued,
        running=sum(queue.running for queue in queues),
        due_soon=due_soon,
        oldest=max((queue.oldest for queue in queues), default=0.0),
        work=sum(queue.work * _stretch(queue) for queue in queues) + due_soon * service.mean,
        unknown=sum(queue.unknown for queue in queues) + (0 if service.mean else due_soon),
        unknown_running=sum(_unknown_running(queue) for queue in queues),
        load=_load(told, services),
        service=service,
        portions=_portions(told, services),
        limited=tuple(one.limited for one in told if one.limited is not None),
    )


def _portions(told: Sequence[Told], services: Sequence[ServiceTimes]) -> tuple[Portion, ...]:
    """By what bounds them; queues that share the total of a limit share its room."""
    parts: dict[str, list[int]] = {}
    for number, one in enumerate(told):
        limited = one.limited
        bound = "" if limited is None or math.isinf(limited.ceiling) else limited.shared or f"{number}"
        parts.setdefault(bound, []).append(number)
    if parts.keys() == {""}:
        return ()
    return tuple(
        _portion([told[n] for n in numbers], [services[n] for n in numbers], bounded=bool(bound))
        for bound, numbers in parts.items()
    )


def _portion(told: Sequence[Told], services: Sequence[ServiceTimes], *, bounded: bool) -> Portion:
    queues = [one.queue for one in told]
    limits = [one.limited for one in told if one.limited is not None]
    running = sum(queue.running for queue in queues)
    return Portion(
        present=running + sum(queue.queued + queue.due_soon for queue in queues),
        load=_load(told, services),
        service=_mixed(services),
        ceiling=running + max(one.room for one in limits) if bounded else math.inf,
    )


def _stretch(queue: QueueSignal) -> float:
    """By how much jobs that wait will take longer than the leader said, who counts completed jobs alone."""
    known = [kind for kind in queue.types.values() if kind.completed >= KNOWN_AFTER]
    told = sum(kind.share * kind.mean for kind in known)
    return sum(kind.share * _service(kind).mean for kind in known) / told if told else 1.0


def _unknown_running(queue: QueueSignal) -> int:
    known = sum(kind.running for kind in queue.types.values() if kind.completed >= KNOWN_AFTER)
    return max(0, queue.running - known)


def _load(told: Sequence[Told], services: Sequence[ServiceTimes]) -> SteadyLoad:
    """The rates of the queues together. Where one was hardly watched yet, what runs tells its load.

    What arrives beyond what limits let start and run is no load: it waits for them, not for workers.
    """
    rate = mean = variance = 0.0
    for one, service in zip(told, services, strict=True):
        queue, came = one.queue, one.arrivals
        if not service.mean:
            continue
        now = came.rate()
        soon = max(0.0, now.per_second + now.rise * LOOKAHEAD_SECONDS)
        if came.watched < TRUSTED_AFTER_SIGNALS:
            soon = max(soon, (queue.running - _unknown_running(queue)) / service.mean)
        most = one.most(service.mean)
        if one.limited is not None and one.limited.used_up:
            soon = most
        rate += min(soon, most)
        mean += min(soon, most) * service.mean
        if soon < most:
            variance += (now.deviation * service.mean) ** 2
        variance += (min(soon, most) * service.mean) ** 2 * service.spread / service.jobs
    return SteadyLoad(rate, mean, math.sqrt(variance))


def _mixed(services: Sequence[ServiceTimes]) -> ServiceTimes:
    """Of all queues, by how many completed in each."""
    jobs = sum(service.jobs for service in services)
    if not jobs:
        return ServiceTimes()
    return ServiceTimes(
        jobs,
        sum(service.jobs * service.mean for service in services) / jobs,
        sum(service.jobs * service.square for service in services) / jobs,
    )
