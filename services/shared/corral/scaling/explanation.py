"""A decision in words and numbers: "8 → 14: 1,820 s of work are queued and are to be done within 20 s".

Sentences, without a full stop at the end: whoever shows them may add something.
"""

from collections.abc import Sequence

from corral.scaling.decision import Condition
from corral.scaling.demand import Demand
from corral.scaling.history import History
from corral.scaling.limits_in_words import limited
from corral.scaling.pool import PoolSpec
from corral.scaling.required_slots import RequiredSlots, gone_within
from corral.scaling.signal import Signal

STUCK = {
    Condition.WORKERS_FAILING: "those that were started end before they claim a job",
    Condition.UNSCHEDULABLE: "those that were started find no place to run",
}


def paused(current: int) -> str:
    """The explanation for a pool that only a person scales."""
    return f"Keeping {current}: The pool is paused, so that only a person changes its size"


def lost(current: int, held: int, pool: PoolSpec) -> str:
    """The explanation for a decision without a signal."""
    unknown = "The backlog is not known at the moment"
    if held != current:
        return f"{current} → {held}: {unknown}, and the minimum is {held}"
    if held > pool.maximum:
        return (
            f"Keeping {held}: {unknown}, so no worker is taken away, although the maximum is {pool.maximum}"
        )
    return f"Keeping {held}: {unknown}, so the number of workers stays"


def decided(
    current: int,
    desired: int,
    needed: int,
    *,
    signal: Signal,
    pool: PoolSpec,
    history: History,
    asked: Sequence[Demand],
    slots: Sequence[RequiredSlots],
    stuck: Condition | None,
) -> str:
    """The explanation of a decision: what changed, and for which work."""
    what = f"{current} → {desired}" if desired != current else f"Keeping {current}"
    if stuck is not None:
        return f"{what}: {_workers(needed)} needed, but {STUCK[stuck]}"
    most = _most(asked, slots)
    why = limited(asked, most[0] if most else None)
    if not why:
        why = _idle(signal, pool) if most is None else _of(*most, pool)
    if desired > needed:
        return f"{what}: {why}. {_more(needed, desired, pool, history)}"
    if needed > desired:
        return f"{what}: {why}. {_workers(needed).capitalize()} needed for that, but the maximum is {desired}"
    return f"{what}: {why}"


def _idle(signal: Signal, pool: PoolSpec) -> str:
    """Why no worker is needed: there is nothing, or a person paused the queues of what there is."""
    waiting = {
        name: queue.waiting
        for name, queue in signal.queues.items()
        if queue.paused and queue.waiting and pool.serves(name)
    }
    if not waiting:
        return "Nothing is queued, running or due"
    names = sorted(waiting)
    count = sum(waiting.values())
    jobs = f"{_jobs(count)} {'waits' if count == 1 else 'wait'}"
    if len(names) == 1:
        return f"{jobs} in queue {names[0]}, which is paused"
    if len(names) == 2:
        return f"{jobs} in queues {names[0]} and {names[1]}, which are paused"
    return f"{jobs} in {len(names)} queues that are paused"


def _more(needed: int, desired: int, pool: PoolSpec, history: History) -> str:
    """Why the pool has more workers than are needed now."""
    if desired == pool.minimum:
        return f"The minimum is {desired}"
    if desired > history.highest:
        return f"{_workers(needed).capitalize()} needed, more than twice as many as are ready, so none is taken away"
    enough = "1 is" if needed == 1 else f"{needed} are" if needed else "None is needed"
    were = "was" if desired == 1 else "were"
    enough = f"{enough} enough now" if needed else f"{enough} now"
    return f"{enough}, but {desired} {were} needed a short while ago"


def _workers(count: int) -> str:
    return "1 worker is" if count == 1 else f"{count} workers are"


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _most(asked: Sequence[Demand], slots: Sequence[RequiredSlots]) -> tuple[Demand, RequiredSlots] | None:
    """The kind of slot that asks for most workers."""
    pairs = [pair for pair in zip(asked, slots, strict=True) if pair[1].all > 0]
    return max(pairs, key=lambda pair: pair[1].all / pair[0].slots, default=None)


def _of(demand: Demand, slots: RequiredSlots, pool: PoolSpec) -> str:
    """Which part of a demand needs the most slots."""
    if demand.unplanned and demand.unplanned >= slots.all / 2:
        get = "gets a slot" if demand.unplanned == 1 else "get a slot each"
        return f"{_jobs(demand.unplanned)} of unknown length {get}"
    if slots.wait >= max(slots.burst, slots.steady):
        have, are = ("has", "is") if demand.waiting == 1 else ("have", "are")
        return (
            f"{_jobs(demand.waiting)} {have} waited for up to {demand.oldest:.0f} s and {are} to start "
            f"within {pool.wait:g} s"
        )
    if slots.burst > slots.steady:
        return f"{demand.work:,.0f} s of work are queued and are to be done within {gone_within(pool):g} s"
    load = demand.load
    if not load.rate:
        runs = "runs" if demand.running == 1 else "run"
        return f"{_jobs(demand.running)} {runs}, and {demand.waiting:,} wait"
    return (
        f"{load.rate:.3g} jobs arrive each second and take {demand.service.mean:.3g} s, "
        f"which keeps {load.mean:.3g} slots busy"
    )
