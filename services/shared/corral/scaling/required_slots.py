"""How many slots a demand needs: for what keeps coming, for what waits, and for the wait that was promised."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from corral.scaling.demand import Demand, ServiceTimes
from corral.scaling.erlang import slots_for
from corral.scaling.pool import PoolSpec
from corral.scaling.startup_time import StartLine

LATE_SHARE = 0.05
"""The share of jobs that may wait longer than the pool's wait."""
SAFETY_SIGMAS = 0.5
"""Standard deviations of what is not known about the load that are provided for."""
SERVICE_TIME_SIGMAS = 0.2
"""The same of how long the waiting jobs will run."""
DECISION_AGE_SECONDS = 1.5
"""Seconds from an arrival to the decision that sees it."""
HORIZON_START_TIMES = 2.0
"""Start times over which the jobs that run now are looked at."""
BURST_SIGMAS = 3.0
"""Standard deviations above the load from which jobs in the system are a burst and no load."""
CATCH_UP_TIMES_WAIT = 2.0
"""Times the pool's wait within which what waits is to be gone, if the pool's drain is longer."""
OVERDUE_WAIT_SHARE = 0.5
"""The share of the pool's wait that is left, at least, to those that have waited long: they are late already."""


@dataclass(frozen=True, slots=True)
class RequiredSlots:
    """How many slots of one kind are needed, and for which reason."""

    load: float = 0.0
    """Taken by what keeps coming, on average."""
    steady: float = 0.0
    """So that what keeps coming hardly waits."""
    burst: float = 0.0
    """So that what waits is gone in time."""
    wait: float = 0.0
    """So that 95 of 100 of those that wait start within the pool's wait."""

    @property
    def all(self) -> float:
        """The largest of the needs."""
        return max(self.steady, self.burst, self.wait)


def slots_needed(
    demand: Demand, pool: PoolSpec, ready: int, coming: Sequence[float], starts: StartLine
) -> RequiredSlots:
    """How many slots of this kind are needed, for each reason.

    Args:
        demand: of the queues of this kind.
        pool: its objectives.
        ready: workers that claim.
        coming: seconds until each of the workers that start claims.
        starts: how long further ones would take.
    """
    lead = starts.of(1) + DECISION_AGE_SECONDS
    load = demand.load.mean + SAFETY_SIGMAS * demand.load.doubt
    if demand.idle and demand.load.rate * lead < 1:
        return RequiredSlots()
    calm = _calm(demand.service, load, pool)
    stays = math.exp(-HORIZON_START_TIMES * lead / demand.service.mean) if demand.service.mean else 1.0
    present = float(demand.waiting + demand.running)
    usual = min(present, load + BURST_SIGMAS * math.sqrt(load))
    meanwhile = (1 - stays) * demand.load.mean + stays * min(demand.load.mean, float(demand.running))
    within = gone_within(pool)
    most = _most(demand, calm - load, pool, lead)
    if not most:  # all that waits is held
        return RequiredSlots()
    return RequiredSlots(
        load=max(min((1 - stays) * load + stays * usual, most), 1.0),
        steady=max(min((1 - stays) * calm + stays * usual + demand.unplanned, most), 1.0),
        burst=min(meanwhile + demand.work / within + demand.unplanned, most),
        wait=min(_for_the_wait(demand, pool, ready, coming, starts) + demand.unplanned, most),
    )


def _most(demand: Demand, safety: float, pool: PoolSpec, lead: float) -> float:
    """The most slots that can be filled: what is there, the safety, and what comes before another worker could be had.

    Of jobs that a limit bounds no more than it lets run: another slot would stay empty, whatever waits.
    """
    if not demand.portions:
        return float(demand.waiting + demand.running) + safety + demand.load.rate * lead
    total = 0.0
    for one in demand.portions:
        load = one.load.mean + SAFETY_SIGMAS * one.load.doubt
        calm = _calm(one.service, load, pool)
        total += min(one.present + (calm - load) + one.load.rate * lead, one.ceiling)
    return total


def gone_within(pool: PoolSpec) -> float:
    """Seconds within which what waits is to be gone: who promises a wait cannot take long to catch up."""
    return min(pool.drain, CATCH_UP_TIMES_WAIT * pool.wait)


def _calm(service: ServiceTimes, load: float, pool: PoolSpec) -> float:
    """Slots that keep a load of jobs like these from waiting, by Erlang's formula."""
    if not load or not service.mean:
        return load
    return float(slots_for(load, service.mean, pool.wait, LATE_SHARE, service.spread))


def _for_the_wait(
    demand: Demand, pool: PoolSpec, ready: int, coming: Sequence[float], starts: StartLine
) -> float:
    """Slots that start 95 of 100 waiting jobs within the pool's wait, counted from when they were queued.

    Workers that could not claim by then don't help, and aren't asked for.
    """
    mean = demand.mean_waiting
    if not mean:
        return 0.0
    if demand.service.jobs:
        mean *= 1 + SERVICE_TIME_SIGMAS * math.sqrt(demand.service.spread / demand.service.jobs)
    goal = (1 - LATE_SHARE) * demand.planned
    left = max(
        pool.wait - DECISION_AGE_SECONDS - demand.oldest / 2, OVERDUE_WAIT_SHARE * pool.wait, starts.of(1) + 1
    )
    slots, workers, position = demand.slots, ready, 0
    started = max(0, ready * slots - demand.running) + ready * slots * left / mean
    if started >= goal:
        return 0.0
    while started < goal and workers < pool.maximum:
        position += 1
        ready_in = coming[position - 1] if position <= len(coming) else starts.of(position)
        if ready_in >= left:
            break
        workers += 1
        started += slots * (1 + (left - ready_in) / mean)
    return float(workers * slots)
