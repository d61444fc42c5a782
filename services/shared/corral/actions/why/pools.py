"""What pools have to do with a job that waits, from what whoever scales them says. Pure."""

from collections.abc import Sequence

from corral.actions.why.cause import Cause
from corral.scaling.pool_status import PoolStatus


def without_workers(pools: Sequence[PoolStatus], queue: str) -> Cause | None:
    """Why none of these pools has a worker for the queue now; None where no pool serves it."""
    serving = [pool for pool in pools if pool.serves(queue)]
    if not serving:
        return None
    pool = max(serving, key=lambda one: (one.desired, one.ready, one.name))
    if pool.desired > pool.ready and not pool.paused:
        return _starting(pool, queue)
    if pool.paused:
        return Cause(
            "pool-paused",
            f"The pool {pool.name}, which serves {queue}, is paused with {_workers(pool.replicas)}: "
            "nobody but a person changes that.",
            "Let the pool be scaled again",
            _patch(pool, '{"spec":{"paused":false}}'),
        )
    if pool.maximum == 0:
        return Cause(
            "pool-at-rest",
            f"The pool {pool.name}, which serves {queue}, may have no workers: its maximum is 0.",
            "Raise the pool's maximum",
            _patch(pool, '{"spec":{"maxReplicas":1}}'),
        )
    if pool.desired == 0:
        return Cause(
            "pool-at-rest",
            f"The pool {pool.name}, which serves {queue}, is at rest: {pool.reason}.",
            "Wait: the pool starts workers when a job is queued or due soon",
        )
    return None  # its workers are ready: what is wrong with them is not the pool's


STUCK = {"WorkersFailing", "Unschedulable", "ScaleUpHeld"}
"""Conditions of a pool whose workers do not start."""


def while_full(pools: Sequence[PoolStatus], queue: str) -> tuple[str, str, str | None] | None:
    """What a pool does while all its workers are full, as words, action and command; None where no pool serves the queue."""
    serving = [pool for pool in pools if pool.serves(queue)]
    if not serving:
        return None
    pool = max(serving, key=lambda one: (one.desired - one.ready, one.name))
    if pool.paused:
        words = f"The pool {pool.name} is paused: nobody but a person changes its number of workers."
        return words, "Let the pool be scaled again", _patch(pool, '{"spec":{"paused":false}}')
    if pool.desired > pool.ready:
        starting = _starting(pool, queue)
        return starting.message, starting.action or "", starting.command
    if pool.desired >= pool.maximum:
        more = f'{{"spec":{{"maxReplicas":{2 * pool.maximum}}}}}'
        words = f"The pool {pool.name} is at its maximum of {_workers(pool.maximum)}."
        return words, "Wait, or raise the pool's maximum", _patch(pool, more)
    words = f"The pool {pool.name} stays at {_workers(pool.desired)}: {pool.reason}."
    return words, "Wait: it grows when its objectives ask for it", None


def _starting(pool: PoolStatus, queue: str) -> Cause:
    stuck = [condition for condition in pool.conditions if condition in STUCK]
    said = f" It reports {' and '.join(stuck)}." if stuck else ""
    action = "See what keeps its workers from starting" if stuck else "Wait for the workers that start"
    command = (
        f"kubectl get pods --selector corral.dev/pool={pool.name}" if pool.scaled_by == "operator" else None
    )
    return Cause(
        "pool-starting",
        f"The pool {pool.name}, which serves {queue}, starts workers, {pool.ready} of {pool.desired} are ready: "
        f"{pool.reason}.{said}",
        action,
        command,
    )


def _workers(count: int) -> str:
    return "1 worker" if count == 1 else f"{count} workers"


def _patch(pool: PoolStatus, change: str) -> str | None:
    """How a person changes the pool."""
    if pool.scaled_by != "operator":
        return None
    return f"kubectl patch workerpool {pool.name} --type merge --patch '{change}'"
