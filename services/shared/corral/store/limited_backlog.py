"""What of the jobs that wait for limits could start now: that, and no more, is work for more workers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from corral.store.connections import Row
from corral.store.limit_room import SLACK, rooms
from corral.store.limit_states import WAITS

MOST_GROUPS = 2000
"""The oldest groups that are looked at; what is beyond them starts later."""

# Of each group as many as each of its limits has room for. What groups take of the same name in all may still be more
# than there is room: `excess` says by how many jobs, for the worst of these names.
LIMITED = f"""
WITH groups AS MATERIALIZED (
    SELECT j.queue, j.type, j.limit_group AS grp, count(*) AS n, min(j.queued_at) AS since
    FROM corral.jobs j WHERE {WAITS} GROUP BY 1, 2, 3 ORDER BY since LIMIT {MOST_GROUPS}
), uses AS MATERIALIZED (
    SELECT g.queue, g.type, g.grp, g.n, g.since, u.name, u.cost FROM groups g CROSS JOIN LATERAL (
        SELECT j.limits, j.costs FROM corral.jobs j WHERE j.limit_group = g.grp AND {WAITS} LIMIT 1
    ) h CROSS JOIN LATERAL unnest(h.limits, h.costs) AS u(name, cost)
), names AS MATERIALIZED (
    SELECT DISTINCT name FROM uses
), room AS MATERIALIZED ({rooms("names n")}), ready AS MATERIALIZED (
    SELECT u.queue, u.type, u.grp, u.since,
           least(min(u.n), CASE WHEN bool_or(r.probing) THEN 1 END,
                 greatest(0, min(floor((coalesce(r.room, 0) + {SLACK}) / u.cost)))) AS n
    FROM uses u LEFT JOIN room r ON r.name = u.name GROUP BY u.queue, u.type, u.grp, u.since
), beyond AS MATERIALIZED (
    SELECT u.queue, ceil(greatest(0, sum(f.n * u.cost) - max(r.room)) / max(u.cost)) AS excess
    FROM uses u JOIN ready f ON f.queue = u.queue AND f.type = u.type AND f.grp = u.grp
    JOIN room r ON r.name = u.name
    WHERE f.n > 0 AND r.room < 'Infinity' GROUP BY u.queue, u.name
)
SELECT f.queue, f.type, sum(f.n)::int8, date_part('epoch', now() - min(f.since)),
       coalesce((SELECT max(b.excess) FROM beyond b WHERE b.queue = f.queue), 0)::int8
FROM ready f WHERE f.n > 0 GROUP BY f.queue, f.type
"""


@dataclass(slots=True)
class LimitedBacklog:
    """The limited jobs of one queue that could start now."""

    ready: int = 0
    excess: int = 0
    """So many of them share room that is there only once."""
    oldest: float = 0.0
    """Seconds."""
    types: dict[str, int] = field(default_factory=dict)

    @property
    def startable(self) -> int:
        """How many could run at once."""
        return max(0, self.ready - self.excess)


def limited_from(rows: Sequence[Row]) -> dict[str, LimitedBacklog]:
    """By queue, from the rows of LIMITED."""
    queues: dict[str, LimitedBacklog] = {}
    for queue, type, count, oldest, excess in rows:
        found = queues.setdefault(queue, LimitedBacklog())
        found.ready += count
        found.excess = excess
        found.oldest = max(found.oldest, oldest)
        found.types[type] = count
    return queues
