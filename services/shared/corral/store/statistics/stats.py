"""What happened in a time: how many ended as what, throughput, and percentiles of wait and run.

Percentiles come from histograms of half octaves: exact to a fifth, interpolated within a bucket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from corral.job.state import State
from corral.store.attempts.stat_deltas import bound
from corral.store.leader.backfills import ASK
from corral.store.postgres.database import SHORT
from corral.store.statistics.counts import StateCounts

By = Literal["all", "queue", "type", "queue-and-type"]


# Whole days, the whole hours before them, the minutes before those, and what is not folded yet.
EDGES = """
WITH since AS MATERIALIZED (
    SELECT date_trunc('minute', now() - %(seconds)s * interval '1 second') AS minute
), hours AS MATERIALIZED (
    SELECT date_trunc('hour', since.minute + interval '59 minutes', 'UTC') AS hour FROM since
), edges AS MATERIALIZED (
    SELECT since.minute, hours.hour, date_trunc('day', hours.hour + interval '23 hours', 'UTC') AS day FROM since, hours
)
"""
# As it was before there were hours and days, for as long as the backfill after an upgrade is not done.
MINUTES_ALONE = """
WITH edges AS MATERIALIZED (
    SELECT date_trunc('minute', now() - %(seconds)s * interval '1 second') AS minute,
           'infinity'::timestamptz AS hour, 'infinity'::timestamptz AS day
)
"""
ADDED = """
, told AS (
    SELECT s.queue, s.type, s.outcome, s.measure, s.bucket, s.count, s.sum
    FROM corral.job_stats_rollups s, edges WHERE s.span = 'day' AND s.start >= edges.day
    UNION ALL
    SELECT s.queue, s.type, s.outcome, s.measure, s.bucket, s.count, s.sum
    FROM corral.job_stats_rollups s, edges WHERE s.span = 'hour' AND s.start >= edges.hour AND s.start < edges.day
    UNION ALL
    SELECT s.queue, s.type, s.outcome, s.measure, s.bucket, s.count, s.sum
    FROM corral.job_stats s, edges WHERE s.minute >= edges.minute AND s.minute < edges.hour
    UNION ALL
    SELECT d.queue, d.type, d.outcome, 'wait', d.wait_bucket, d.count, d.wait_sum
    FROM corral.job_stats_deltas d, edges WHERE d.minute >= edges.minute
    UNION ALL
    SELECT d.queue, d.type, d.outcome, 'run', d.run_bucket, d.count, d.run_sum
    FROM corral.job_stats_deltas d, edges WHERE d.minute >= edges.minute
)
SELECT queue, type, outcome, measure, bucket, sum(count)::int8, sum(sum) FROM told GROUP BY 1, 2, 3, 4, 5
HAVING sum(count) <> 0
"""
ELAPSED = """
SELECT date_part('epoch', now() - date_trunc('minute', now() - %(seconds)s * interval '1 second'))
"""
MEASURED = ("completed", "errored", "failed")
"""The outcomes whose wait and run say something about the queue."""


@dataclass(frozen=True, slots=True)
class TimePercentiles:
    """Percentiles of a time, in seconds; None where nothing was measured."""

    p50: float | None
    p95: float | None
    p99: float | None
    mean: float | None


@dataclass(slots=True)
class Histogram:
    """Counts by bucket, and the sum of what was counted."""

    counts: dict[int, int] = field(default_factory=dict)
    sum: float = 0.0

    def add(self, bucket: int, count: int, total: float) -> None:
        """Count `count` times in a bucket that sum up to `total` seconds."""
        self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.sum += total

    def percentiles(self) -> TimePercentiles:
        """The 50th, 95th and 99th percentile, and the mean; all None where nothing was counted."""
        number = sum(self.counts.values())
        if not number:
            return TimePercentiles(None, None, None, None)
        return TimePercentiles(
            self.quantile(0.5), self.quantile(0.95), self.quantile(0.99), self.sum / number
        )

    def quantile(self, share: float) -> float:
        """The time that `share` of the counted did not exceed, as if each bucket were evenly filled."""
        wanted = share * sum(self.counts.values())
        before = 0
        for bucket in sorted(self.counts):
            count = self.counts[bucket]
            if before + count >= wanted:
                low = bound(bucket - 1) if bucket else 0.0
                return low + (bound(bucket) - low) * (wanted - before) / count
            before += count
        return 0.0


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One queue, type, or both, over a window. Empty names stand for all."""

    queue: str
    type: str
    outcomes: Mapping[str, int]
    """How many attempts ended as completed, errored, failed, cancelled, stalled or released."""
    per_second: float
    """Completed jobs."""
    wait: TimePercentiles
    """From queued to claimed."""
    run: TimePercentiles


class Statistics(StateCounts):
    """Reads what ended in a window of time: throughput, waiting and running times."""

    async def window(self, seconds: float, by: By = "queue") -> Sequence[WindowRow]:
        """What ended in the last `seconds`, in whole minutes and the one that runs, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"seconds": seconds}
        done = (await self._database.run(ASK))[0][0]
        window = (EDGES if done else MINUTES_ALONE) + ADDED
        rows, elapsed = await self._database.together((window, params), (ELAPSED, params), limits=SHORT)
        groups: dict[tuple[str, str], _StatsRows] = {}
        for queue, type, outcome, measure, bucket, count, total in rows:
            key = (queue if "queue" in by else "", type if "type" in by else "")
            groups.setdefault(key, _StatsRows()).add(outcome, measure, bucket, int(count), total=float(total))
        return [group.row(*key, float(elapsed[0][0])) for key, group in sorted(groups.items())]


class _StatsRows:
    """Gathers the stored rows of one queue and type over a window."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.measures = {"wait": Histogram(), "run": Histogram()}

    def add(self, outcome: str, measure: str, bucket: int, count: int, *, total: float) -> None:
        if measure == "run":
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        if outcome in MEASURED:
            self.measures[measure].add(bucket, count, total)

    def row(self, queue: str, type: str, elapsed: float) -> WindowRow:
        return WindowRow(
            queue=queue,
            type=type,
            outcomes=self.outcomes,
            per_second=self.outcomes.get(State.COMPLETED, 0) / max(elapsed, 1.0),
            wait=self.measures["wait"].percentiles(),
            run=self.measures["run"].percentiles(),
        )
