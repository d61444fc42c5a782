"""SQL of what is held beyond one attempt, and of what one worker holds: `hold="life"` and `per_worker`.

A limit that is held for life has one holder for each key: the job that took the slot keeps it until it has ended, also
while it waits to be tried again, and is the only one that may start meanwhile. The key's row names it. An end of an
attempt that ends the job gives the slot back with everything else; what ends a job that waits (a cancel, a newer job)
does not look at keys, and the leader drops such holders each second.
"""

from corral.store.limits.states import WAITS

ENDED = "('completed', 'failed', 'cancelled')"

READY_HOLDER = f"(SELECT count(*) FROM corral.jobs j WHERE j.id = k.holder AND {WAITS})"
"""1 where the holder of a key `k` waits to be claimed: its slot is room for it, and for nobody else."""


def held_by_worker(limit_name: str) -> str:
    """SQL of how many jobs of a limit the worker holds: of the ids %(held)s that it says, those that run under it."""
    return f"""(
    SELECT count(*) FROM unnest(%(held)s::uuid[]) AS h(id) CROSS JOIN LATERAL (
        SELECT l.state, l.worker, l.limits FROM corral.jobs l WHERE l.id = h.id OFFSET 0
    ) j
    WHERE j.state = 'running' AND j.worker = %(worker)s
      AND EXISTS (SELECT FROM unnest(j.limits) AS u(name) WHERE split_part(u.name, '=', 1) = {limit_name})
)"""


# What a worker may still start of limits that say how many each worker may run.
SHARE_OF_WORKER = f"""
SELECT w.limit_name, w.most - {held_by_worker("w.limit_name")} AS room
FROM (SELECT limit_name, min((doc->>'per_worker')::float8) AS most FROM room WHERE doc ? 'per_worker' GROUP BY 1) w"""

# Two statements: the second one has a snapshot that is taken after the locks.
LOCK_HOLDERS = f"""
SELECT k.name FROM corral.limit_keys k
WHERE k.holder IS NOT NULL AND NOT EXISTS (SELECT FROM corral.jobs j WHERE j.id = k.holder AND j.state NOT IN {ENDED})
ORDER BY k.name LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""
DROP_HOLDERS = f"""
UPDATE corral.limit_keys k SET holder = NULL, in_use = greatest(0, k.in_use - 1)
WHERE k.name = ANY(%(names)s::text[]) AND k.holder IS NOT NULL
  AND NOT EXISTS (SELECT FROM corral.jobs j WHERE j.id = k.holder AND j.state NOT IN {ENDED})
RETURNING k.name
"""
KEPT = """
SELECT k.name, 1 AS cost FROM corral.limit_keys k JOIN corral.jobs j ON j.id = k.holder
WHERE j.state IN ('blocked', 'scheduled', 'queued')"""
"""Slots that their holders keep while they wait."""
KEPT_OF_LIMITS = f"SELECT split_part(r.name, '=', 1), count(*)::int FROM ({KEPT}) r GROUP BY 1"

# Through jobs_limited_running, which holds only what runs; and the ones that keep their slots while they wait.
OF_NAMES = """
SELECT h.name, h.id, h.type, w.name, h.started_at, h.cost, h.program FROM (
    SELECT r.*, row_number() OVER (PARTITION BY r.name ORDER BY r.started_at, r.id) AS place FROM (
        SELECT u.name, j.id, j.type, j.worker, j.started_at, u.cost, NULL::text AS program
        FROM corral.jobs j CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
        WHERE j.state = 'running' AND j.limit_group IS NOT NULL AND u.name = ANY(%(names)s::text[])
        UNION ALL
        SELECT k.name, j.id, j.type, NULL, j.started_at, 1, NULL FROM corral.limit_keys k JOIN corral.jobs j ON j.id = k.holder
        WHERE k.name = ANY(%(names)s::text[]) AND j.state IN ('blocked', 'scheduled', 'queued')
        UNION ALL
        SELECT u.name, l.job, j.type, j.worker, l.taken_at, 1, l.program
        FROM corral.limit_leases l CROSS JOIN LATERAL unnest(l.names) AS u(name) LEFT JOIN corral.jobs j ON j.id = l.job
        WHERE u.name = ANY(%(names)s::text[])
    ) r
) h LEFT JOIN corral.workers w ON w.id = h.worker
WHERE h.place <= %(most)s ORDER BY h.name, h.started_at, h.id
"""
