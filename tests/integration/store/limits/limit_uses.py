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


def group(*uses: LimitUse) -> UUID:
    return group_of(QUEUE, Priority.NORMAL, [use.name for use in uses])
