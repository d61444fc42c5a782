"""A decision in words and numbers: "8 → 14: 1,820 s of work queued, to be gone in 20 s"."""

from collections.abc import Sequence

from corral.scaling.decision import Condition
from corral.scaling.demand import Demand
from corral.scaling.history import History
from corral.scaling.pool import PoolSpec
from corral.scaling.required_slots import RequiredSlots, gone_within

STUCK = {
    Condition.WORKERS_FAILING: "workers end before they claim",
    Condition.UNSCHEDULABLE: "workers find no place to run",
}


def lost(current: int, held: int, pool: PoolSpec) -> str:
    """Of a decision without a signal."""
    if held != current:
        return f"{current} → {held}: the minimum; the signal is lost"
    if held > pool.maximum:
        return f"{held} held: the signal is lost; the maximum is {pool.maximum}, but nobody leaves unseen"
    return f"{held} held: the signal is lost"


def decided(
    current: int,
    desired: int,
    needed: int,
    *,
    pool: PoolSpec,
    history: History,
    asked: Sequence[Demand],
    slots: Sequence[RequiredSlots],
    stuck: Condition | None,
) -> str:
    """Of a decision: what changed, and what for."""
    what = f"{current} → {desired}" if desired != current else f"{current} kept"
    if stuck is not None:
        return f"{what}: {needed} needed, but {STUCK[stuck]}"
    most = _most(asked, slots)
    why = "nothing queued, running or due" if most is None else _of(*most, pool)
    if desired > needed:
        bound = (
            f"the minimum; {why}" if desired == pool.minimum else _remembered(needed, desired, history, why)
        )
        return f"{what}: {bound}"
    if needed > desired:
        return f"{what}: the maximum; {needed} needed, {why}"
    return f"{what}: {why}"


def _remembered(needed: int, desired: int, history: History, why: str) -> str:
    """Why there are more than needed."""
    if desired > history.highest:
        return f"{needed} needed ({why}), more than twice those that are ready"
    were = "was" if desired == 1 else "were"
    return f"{needed} would do ({why}), but {desired} {were} needed lately"


def _most(asked: Sequence[Demand], slots: Sequence[RequiredSlots]) -> tuple[Demand, RequiredSlots] | None:
    """The kind of slot that asks for most workers."""
    pairs = [pair for pair in zip(asked, slots, strict=True) if pair[1].all > 0]
    return max(pairs, key=lambda pair: pair[1].all / pair[0].slots, default=None)


def _of(demand: Demand, slots: RequiredSlots, pool: PoolSpec) -> str:
    """What of a demand needs the most slots."""
    if demand.unplanned and demand.unplanned >= slots.all / 2:
        jobs = "job" if demand.unplanned == 1 else "jobs"
        return f"{demand.unplanned:,} {jobs} of unknown length, one slot each"
    if slots.wait >= max(slots.burst, slots.steady):
        return f"{demand.waiting:,} queued for up to {demand.oldest:.0f} s, to start within {pool.wait:g} s"
    if slots.burst > slots.steady:
        return f"{demand.work:,.0f} s of work queued, to be gone in {gone_within(pool):g} s"
    load = demand.load
    if not load.rate:
        return f"{demand.running:,} running, {demand.waiting:,} queued"
    return f"{load.rate:.3g} jobs a second of {demand.service.mean:.3g} s keep {load.mean:.3g} slots busy"
