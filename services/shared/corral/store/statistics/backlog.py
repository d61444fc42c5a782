"""Postgres' side of the autoscaler's signal: asked once a minute; Redis counts in between."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from corral.scaling.limited_jobs import LimitedJobs
from corral.store.attempts.stat_deltas import bound
from corral.store.postgres.database import DUTY, Database, Params
from corral.store.statistics.limited_backlog import LIMITED, SIZE, limited_from


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """How long jobs of a type run, learned from completed ones."""

    completed: int
    mean: float
    """Seconds."""
    variance: float
    """Seconds squared, from the histogram."""


@dataclass(frozen=True, slots=True)
class QueueBacklog:
    """The backlog of one queue: the jobs that wait, that run, and that are due soon."""

    queue: str
    paused: bool = False
    queued: int = 0
    """Jobs that could start now: of those that take of limits, those alone that have room."""
    running: int = 0
    due_soon: int = 0
    """Scheduled jobs that are due within the time asked for."""
    oldest: float = 0.0
    """Seconds that the oldest queued job has waited."""
    mix: Mapping[str, float] = field(default_factory=dict)
    """The share of each type among the next jobs to be claimed."""
    elapsed: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Seconds since their claim, of the running jobs by type."""
    limited: LimitedJobs | None = None
    """Those that take of limits; None where none waits or runs."""
    oldest_other: float = 0.0
    """Seconds that the oldest queued job without limits has waited."""


@dataclass(frozen=True, slots=True)
class BacklogRows:
    """Every queue, and how long the jobs of each type ran that completed there in the last hour."""

    queues: Mapping[str, QueueBacklog]
    service: Mapping[str, Mapping[str, ServiceTime]]
    """By queue and type: what completed in a queue tells what arrives there."""


# Index-only through jobs_queued; a count of a million takes 0.2 s.
QUEUES = """
SELECT q.name, q.paused_at IS NOT NULL, coalesce(w.queued, 0), coalesce(w.oldest, 0), coalesce(s.due, 0)
FROM corral.queues q
LEFT JOIN (SELECT j.queue, count(*) AS queued, date_part('epoch', now() - min(j.queued_at)) AS oldest
           FROM corral.jobs j WHERE j.state = 'queued' GROUP BY j.queue) w ON w.queue = q.name
LEFT JOIN (SELECT j.queue, count(*) AS due FROM corral.jobs j
           WHERE j.state = 'scheduled' AND j.run_at <= now() + %(soon)s * interval '1 second'
           GROUP BY j.queue) s ON s.queue = q.name
"""
# The types of what is claimed next: a sample from the head of each queue.
MIX = """
SELECT q.name, head.type, count(*) FROM corral.queues q CROSS JOIN LATERAL (
    SELECT j.type FROM corral.jobs j WHERE j.state = 'queued' AND j.queue = q.name
    ORDER BY j.queue, j.suspect, j.priority, j.queued_at, j.id LIMIT 200
) head GROUP BY q.name, head.type
"""
# A batch that runs is one call of its handler: the jobs of one claim and one group.
RUNNING = f"""
SELECT j.queue, j.type, date_part('epoch', now() - j.started_at) FROM corral.jobs j
WHERE j.state = 'running' AND j.limit_group IS NULL
UNION ALL
SELECT b.queue, b.type, b.elapsed FROM (
    SELECT j.queue, j.type, date_part('epoch', now() - min(j.started_at)) AS elapsed, ceil(count(*) / {SIZE}) AS calls
    FROM corral.jobs j WHERE j.state = 'running' AND j.limit_group IS NOT NULL
    GROUP BY j.queue, j.type, CASE WHEN {SIZE} > 1 THEN j.claim ELSE j.id END, CASE WHEN {SIZE} > 1 THEN j.limit_group END
) b CROSS JOIN LATERAL generate_series(1, b.calls::int4)
"""
SERVICE = """
SELECT queue, type, bucket, sum(count)::int8, sum(total) FROM (
    SELECT s.queue, s.type, s.bucket, s.count, s.sum AS total FROM corral.job_stats s
    WHERE s.minute > now() - interval '1 hour' AND s.outcome = 'completed' AND s.measure = 'run'
    UNION ALL
    SELECT d.queue, d.type, d.run_bucket, d.count, d.run_sum FROM corral.job_stats_deltas d
    WHERE d.outcome = 'completed'
) runs GROUP BY queue, type, bucket
"""


class Backlogs:
    """Reads the backlog: `await store.backlog()`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, soon: float = 10.0) -> BacklogRows:
        """The backlog of every queue. Jobs that are due within `soon` seconds, the start time of a worker, count too.

        Raises:
            Unavailable: Postgres is away.
        """
        params: Params = {"soon": soon}
        queues, mix, running, service, waiting = await self._database.together(
            (QUEUES, params), (MIX, params), (RUNNING, params), (SERVICE, params), (LIMITED, {}), limits=DUTY
        )
        limited = limited_from(waiting)
        elapsed: dict[str, dict[str, list[float]]] = {}
        for queue, type, seconds in running:
            elapsed.setdefault(queue, {}).setdefault(type, []).append(seconds)
        heads: dict[str, dict[str, int]] = {}
        for queue, type, count in mix:
            heads.setdefault(queue, {})[type] = count
        none = LimitedJobs()
        return BacklogRows(
            queues={
                name: QueueBacklog(
                    queue=name,
                    paused=paused,
                    queued=queued + limited.get(name, none).queued,
                    running=sum(map(len, elapsed.get(name, {}).values())),
                    due_soon=due,
                    oldest=max(0.0, oldest, limited.get(name, none).oldest),
                    mix=_mix(queued, heads.get(name, {}), limited.get(name, none).startable),
                    elapsed=elapsed.get(name, {}),
                    limited=limited.get(name),
                    oldest_other=max(0.0, oldest),
                )
                for name, paused, queued, oldest, due in queues
            },
            service=_service(service),
        )


def _mix(queued: int, head: Mapping[str, int], startable: Mapping[str, int]) -> dict[str, float]:
    """The share of each type: the head of the queue stands for all that waits without limits."""
    sampled, counts = sum(head.values()), dict[str, float](startable)
    for type, count in head.items():
        counts[type] = counts.get(type, 0.0) + max(queued, sampled) * count / sampled
    total = sum(counts.values())
    return {type: count / total for type, count in counts.items()}


def _service(rows: Sequence[tuple[Any, ...]]) -> dict[str, dict[str, ServiceTime]]:
    """Mean from the exact sums; variance from the means of the buckets."""
    buckets: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for queue, type, bucket, count, total in rows:
        buckets.setdefault((queue, type), []).append((int(count), min(total / count, bound(bucket))))
    service: dict[str, dict[str, ServiceTime]] = {}
    for (queue, type), found in buckets.items():
        service.setdefault(queue, {})[type] = _moments(found)
    return service


def _moments(buckets: Sequence[tuple[int, float]]) -> ServiceTime:
    number = sum(count for count, _ in buckets)
    mean = sum(count * middle for count, middle in buckets) / number
    variance = sum(count * (middle - mean) ** 2 for count, middle in buckets) / number
    return ServiceTime(number, mean, variance)
