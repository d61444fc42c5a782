"""Limits of tests: what jobs take of them, and what the database says of it."""

from uuid import UUID

from corral.job.limit_use import LimitUse, group_of
from corral.job.priority import Priority
from corral_testing.values import QUEUE

ONE = (LimitUse("one"),)
ACME, OTHER = (LimitUse("customer", "acme"),), (LimitUse("customer", "other"),)
IN_USE = "SELECT name, in_use FROM corral.limit_keys WHERE in_use <> 0 ORDER BY name"
RUNS = """
SELECT u.name, sum(u.cost) FROM corral.jobs j CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
WHERE j.state = 'running' GROUP BY 1 ORDER BY 1
"""
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
# What ran at the same time, by the times of the claims and ends themselves.
MOST_AT_ONCE = """
WITH times AS (
    SELECT started_at AS at, 1 AS more FROM corral.jobs UNION ALL SELECT finished_at, -1 FROM corral.jobs
)
SELECT max(running) FROM (SELECT sum(more) OVER (ORDER BY at, more) AS running FROM times) t
"""


def group(*uses: LimitUse) -> UUID:
    return group_of(QUEUE, Priority.NORMAL, [use.name for use in uses])
