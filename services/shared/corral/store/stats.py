"""What happened: counts per state, throughput, and percentiles of wait and run.

Counts of what is live, failed or cancelled are of rows, through partial
indexes; completed jobs are counted from the statistics, so that a long
history costs nothing. Percentiles come from histograms of half octaves: exact
to a fifth, interpolated within a bucket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from corral.job.state import State
from corral.store.engine import SHORT, Database
from corral.store.stat_deltas import bound

By = Literal["all", "queue", "type", "queue-and-type"]

LIVE = """
SELECT j.queue, 'queued', count(*) FROM corral.jobs j WHERE j.state = 'queued' GROUP BY j.queue
UNION ALL
SELECT j.queue, 'running', count(*) FROM corral.jobs j WHERE j.state = 'running' GROUP BY j.queue
UNION ALL
SELECT j.queue, 'scheduled', count(*) FROM corral.jobs j WHERE j.state = 'scheduled' GROUP BY j.queue
UNION ALL
SELECT j.queue, j.state, count(*) FROM corral.jobs j WHERE j.state IN ('failed', 'cancelled') GROUP BY 1, 2
UNION ALL
SELECT s.queue, 'completed', sum(s.count) FROM corral.job_stats s
WHERE s.outcome = 'completed' AND s.measure = 'run' GROUP BY s.queue
UNION ALL
SELECT d.queue, 'completed', sum(d.count) FROM corral.job_stats_deltas d
WHERE d.outcome = 'completed' GROUP BY d.queue
"""
# The folded minutes and what is not folded yet.
WINDOW = """
WITH since AS (SELECT date_trunc('minute', now() - %(seconds)s * interval '1 second') AS minute)
SELECT s.queue, s.type, s.outcome, s.measure, s.bucket, sum(s.count)::int8, sum(s.sum)
FROM corral.job_stats s, since WHERE s.minute >= since.minute GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT d.queue, d.type, d.outcome, 'wait', d.wait_bucket, sum(d.count)::int8, sum(d.wait_sum)
FROM corral.job_stats_deltas d, since WHERE d.minute >= since.minute GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT d.queue, d.type, d.outcome, 'run', d.run_bucket, sum(d.count)::int8, sum(d.run_sum)
FROM corral.job_stats_deltas d, since WHERE d.minute >= since.minute GROUP BY 1, 2, 3, 4, 5
"""
ELAPSED = """
SELECT date_part('epoch', now() - date_trunc('minute', now() - %(seconds)s * interval '1 second'))
"""
MEASURED = ("completed", "errored", "failed")
"""The outcomes whose wait and run say something about the queue."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of a time, in seconds; None where nothing was measured."""

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

    def percentiles(self) -> Percentiles:
        """The usual ones."""
        number = sum(self.counts.values())
        if not number:
            return Percentiles(None, None, None, None)
        return Percentiles(self.quantile(0.5), self.quantile(0.95), self.quantile(0.99), self.sum / number)

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
    wait: Percentiles
    """From queued to claimed."""
    run: Percentiles


class Stats:
    """Numbers about jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self) -> dict[State, int]:
        """Jobs per state; completed ones as far back as the statistics go.

        Raises:
            Unavailable: Postgres is away.
        """
        totals = dict.fromkeys(State, 0)
        for states in (await self.counts_by_queue()).values():
            for state, count in states.items():
                totals[state] += count
        return totals

    async def counts_by_queue(self) -> dict[str, dict[State, int]]:
        """The same per queue; what is zero may be missing.

        Raises:
            Unavailable: Postgres is away.
        """
        queues: dict[str, dict[State, int]] = {}
        for queue, state, count in await self._database.run(LIVE):
            counts = queues.setdefault(queue, {})
            counts[State(state)] = counts.get(State(state), 0) + int(count)
        return queues

    async def window(self, seconds: float, by: By = "queue") -> Sequence[WindowRow]:
        """What ended in the last `seconds`, in whole minutes and the one that runs, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"seconds": seconds}
        rows, elapsed = await self._database.together((WINDOW, params), (ELAPSED, params), limits=SHORT)
        groups: dict[tuple[str, str], _Group] = {}
        for queue, type, outcome, measure, bucket, count, total in rows:
            key = (queue if "queue" in by else "", type if "type" in by else "")
            groups.setdefault(key, _Group()).add(outcome, measure, bucket, int(count), total=float(total))
        return [group.row(*key, float(elapsed[0][0])) for key, group in sorted(groups.items())]


class _Group:
    """The rows of one line of a window."""

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
