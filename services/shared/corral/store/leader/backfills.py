"""What has to be computed once over the rows that older releases wrote.

A migration's transaction keeps writers out of the tables that it changes, so it does nothing that takes long. This is
done after it is committed, by `corral migrate up`, or by the leader where that was interrupted. It locks out nobody.
"""

from corral.store.leader.finished_jobs import COUNTED

BACKFILL = "history"
"""Its row in `backfills`."""
DONE = f"(SELECT EXISTS (SELECT FROM corral.backfills b WHERE b.name = '{BACKFILL}'))"
"""Whether it was done, as an expression that is evaluated once in a statement."""

# One after the other, in one transaction: who comes second finds it done.
ALONE = "LOCK TABLE corral.backfills IN EXCLUSIVE MODE"
ASK = f"SELECT {DONE}"
# Rows and counts are read in one snapshot, so their difference is exact, whatever is written meanwhile: whoever ends,
# retries or removes a job changes both alike.
COUNT = f"""
WITH stored AS MATERIALIZED (
    SELECT j.queue, j.type, j.state, count(*) AS count FROM corral.jobs j
    WHERE j.state IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2, 3
), counted AS MATERIALIZED (
    SELECT e.queue, e.type, e.state, sum(e.count) AS count FROM ({COUNTED}) e GROUP BY 1, 2, 3
)
INSERT INTO corral.job_count_deltas (queue, type, state, count)
SELECT queue, type, state, coalesce(s.count, 0) - coalesce(c.count, 0)
FROM stored s FULL JOIN counted c USING (queue, type, state)
WHERE coalesce(s.count, 0) <> coalesce(c.count, 0)
"""
# The same with the minutes: folding changes a minute, its hour and its day alike.
ROLL_UP = """
WITH hours AS MATERIALIZED (
    SELECT date_trunc('hour', s.minute, 'UTC') AS start, s.queue, s.type, s.outcome, s.measure, s.bucket,
           sum(s.count) AS count, sum(s.sum) AS sum
    FROM corral.job_stats s GROUP BY 1, 2, 3, 4, 5, 6
), spans AS (
    SELECT 'hour' AS span, h.* FROM hours h
    UNION ALL
    SELECT 'day', date_trunc('day', h.start, 'UTC'), h.queue, h.type, h.outcome, h.measure, h.bucket,
           sum(h.count), sum(h.sum)
    FROM hours h GROUP BY 1, 2, 3, 4, 5, 6, 7
)
INSERT INTO corral.job_stats_rollups AS r (span, start, queue, type, outcome, measure, bucket, count, sum)
SELECT span, start, queue, type, outcome, measure, bucket, n.count - coalesce(o.count, 0), n.sum - coalesce(o.sum, 0)
FROM spans n LEFT JOIN corral.job_stats_rollups o USING (span, start, queue, type, outcome, measure, bucket)
WHERE n.count <> coalesce(o.count, 0)
ORDER BY span, start, queue, type, outcome, measure, bucket  -- as folding does, so that neither waits for the other
ON CONFLICT (span, start, queue, type, outcome, measure, bucket)
DO UPDATE SET count = r.count + excluded.count, sum = r.sum + excluded.sum
"""
# Jobs that were removed before there was a trigger that does this.
DISOWN = """
UPDATE corral.artifacts a SET published_at = NULL
WHERE a.published_at IS NOT NULL AND NOT EXISTS (SELECT FROM corral.jobs j WHERE j.id = a.job)
"""
NOTE = f"INSERT INTO corral.backfills (name) VALUES ('{BACKFILL}')"
STEPS = ("SET LOCAL work_mem = '128MB'", COUNT, DISOWN, ROLL_UP, NOTE)
