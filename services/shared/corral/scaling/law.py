"""The law: signal, pool and history give a number of workers, and the reason for it.

Up at once. Down by three memories: what keeps coming is remembered for the pool's window, the safety above it for
half of that, and a burst for a quarter of a minute, or for as long as its workers would take to start again.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from corral.scaling import explanation
from corral.scaling.decision import Condition, Decision, Fleet
from corral.scaling.demand import Demand, demands
from corral.scaling.history import History, Need, remember
from corral.scaling.pool import PoolSpec
from corral.scaling.required_slots import RequiredSlots, slots_needed
from corral.scaling.signal import Signal

BURST_MEMORY_SECONDS = 15.0
"""Seconds that a burst is remembered, at least."""
SAFETY_MEMORY_SHARE = 0.5
"""The share of the pool's window that the safety above the load is remembered."""
NOISE_ROOTS = 0.25
"""By how many square roots of the load a need must fall below a number of workers to count as less."""
PANIC_TIMES_READY = 2.0
"""Times the workers that claim: a need above that shrinks nothing."""
STUCK_START_TIMES = 3.0
"""Start times without any worker becoming ready, after which workers that fail or wait stop the growth."""
MIN_START_SECONDS = 0.5
"""The fewest seconds that a worker which starts is taken to need still."""


def decide(signal: Signal | None, pool: PoolSpec, history: History, fleet: Fleet, now: float) -> Decision:
    """The number of workers that the pool should have now.

    Args:
        signal: the backlog; None when it is lost.
        pool: bounds and objectives.
        history: of the last decision; `History()` at first.
        fleet: the workers there are.
        now: monotonic seconds of the caller.
    """
    current = fleet.wanted
    history = history.counted(fleet.wanted, fleet.ready, now)
    if pool.paused:
        return Decision(current, explanation.paused(current), history)
    if signal is None:
        held = max(current, pool.minimum)  # nobody leaves unseen, not even for a lowered maximum
        why = explanation.lost(current, held, pool)
        return Decision(held, why, _after(history, fleet, held, now), frozenset({Condition.SIGNAL_LOST}))
    history = history.saw(signal, pool, current, now)
    asked = demands(signal, pool, history.arrivals)
    coming = [
        max(MIN_START_SECONDS, history.starts.of(s.position) - (now - s.ordered)) for s in history.starting
    ]
    slots = [slots_needed(demand, pool, fleet.ready, coming, history.starts) for demand in asked]
    needed = workers_for(asked, [one.all for one in slots])
    history = _remembered(history, pool, current, asked=asked, slots=slots, needed=needed, now=now)
    desired = _desired(needed, pool, fleet, history)
    conditions = {Condition.LIMITED} if needed > pool.maximum else set()
    stuck = _stuck(fleet, history, now)
    if stuck is not None and needed > fleet.ready:
        desired = min(desired, pool.bounded(current))
        conditions.add(stuck)
    why = explanation.decided(
        current, desired, needed, signal=signal, pool=pool, history=history, asked=asked, slots=slots,
        stuck=stuck if stuck in conditions else None,
    )  # fmt: skip
    return Decision(desired, why, _after(history, fleet, desired, now), frozenset(conditions), needed)


def workers_for(asked: Sequence[Demand], slots: Sequence[float], noise: float = 0.0) -> int:
    """The workers for so many slots of each kind. A worker has all kinds, so the kind that needs most workers counts."""
    return max(
        (
            math.ceil((need + noise * math.sqrt(demand.chance)) / demand.slots - 1e-9)
            for demand, need in zip(asked, slots, strict=True)
            if need > 0
        ),
        default=0,
    )


def _remembered(
    history: History,
    pool: PoolSpec,
    current: int,
    *,
    asked: Sequence[Demand],
    slots: Sequence[RequiredSlots],
    needed: int,
    now: float,
) -> History:
    """With the needs of now. A long job's safety changes as slowly as such jobs come and go."""
    load = Need(now, pool.bounded(workers_for(asked, [one.load for one in slots], NOISE_ROOTS)))
    steady = Need(now, pool.bounded(workers_for(asked, [one.steady for one in slots], NOISE_ROOTS)))
    burst = Need(now, pool.bounded(needed))
    longest = max((demand.service.mean for demand in asked), default=0.0)
    again = history.starts.of(max(0, current - burst.workers))
    return replace(
        history,
        load=remember(history.load, load, pool.window),
        steady=remember(history.steady, steady, max(SAFETY_MEMORY_SHARE * pool.window, longest)),
        burst=remember(history.burst, burst, max(min(BURST_MEMORY_SECONDS, pool.window), again)),
    )


def _desired(needed: int, pool: PoolSpec, fleet: Fleet, history: History) -> int:
    target, current = pool.bounded(needed), pool.bounded(fleet.wanted)
    if target >= current or needed > PANIC_TIMES_READY * fleet.ready:
        return max(target, current)
    return min(current, max(target, history.highest))


def _stuck(fleet: Fleet, history: History, now: float) -> Condition | None:
    """The reason why more workers would not help now; None where they would."""
    missing = fleet.wanted - fleet.ready
    if missing <= 0 or history.came_at is None:
        return None
    if now - history.came_at <= STUCK_START_TIMES * history.starts.of(missing):
        return None
    if fleet.failing:
        return Condition.WORKERS_FAILING
    return Condition.UNSCHEDULABLE if fleet.unschedulable else None


def _after(history: History, fleet: Fleet, desired: int, now: float) -> History:
    change = desired - fleet.wanted
    return history.ordered(change, min(fleet.leaving, max(0, change)), now)
