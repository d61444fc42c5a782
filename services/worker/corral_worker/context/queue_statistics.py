"""Corral's own figures as rows, for handlers that report on it: one row for each queue."""

from corral.context import Statistics
from corral.job.state import State
from corral.store import Store
from corral.store.statistics.stats import WindowRow

DAY_SECONDS = 24 * 3600.0


async def figures(store: Store) -> list[Statistics]:
    """What each queue holds, and how the last day went. Times are seconds.

    Raises:
        Unavailable: Postgres is away.
    """
    counts = await store.stats.counts_by_queue()
    day = {row.queue: row for row in await store.stats.window(DAY_SECONDS, "queue")}
    names = {queue.name for queue in await store.queues.list()} | counts.keys() | day.keys()
    return [_row(name, counts.get(name, {}), day.get(name)) for name in sorted(names)]


def _row(queue: str, counts: dict[State, int], day: WindowRow | None) -> Statistics:
    return {
        "queue": queue,
        "queued": counts.get(State.QUEUED, 0),
        "scheduled": counts.get(State.SCHEDULED, 0),
        "running": counts.get(State.RUNNING, 0),
        "completed": counts.get(State.COMPLETED, 0),
        "failed": counts.get(State.FAILED, 0),
        "cancelled": counts.get(State.CANCELLED, 0),
        "completed_last_day": day.outcomes.get(State.COMPLETED, 0) if day else 0,
        "errors_last_day": sum(day.outcomes.get(kind, 0) for kind in ("errored", "failed")) if day else 0,
        "median_wait_seconds": _rounded(day.wait.p50) if day else None,
        "median_run_seconds": _rounded(day.run.p50) if day else None,
        "p95_run_seconds": _rounded(day.run.p95) if day else None,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
