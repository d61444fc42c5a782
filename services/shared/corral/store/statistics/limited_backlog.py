"""Who waits for limits, who runs and takes of them, and the room they have: what more workers could do about it."""

from collections.abc import Sequence

from corral.job.limit_use import parsed
from corral.scaling.limited_jobs import LimitedJobs, Room, RunningJobs, WaitingJobs, limited_jobs
from corral.store.limits.room import rooms
from corral.store.limits.states import WAITS
from corral.store.postgres.connections import Row

MOST_GROUPS = 5000
"""The oldest groups that are looked at; what is beyond them starts later."""

SIZE = """coalesce((
        SELECT (t.options->'batch' || coalesce(nullif(t.overrides->'batch', 'null'), '{}'))->>'size'
        FROM corral.job_types t WHERE t.name = j.type AND jsonb_typeof(t.options->'batch') = 'object'
    )::float8, 1)"""
"""SQL of how many jobs of the type of a job `j` one batch has at most; 1 where its handler takes one."""
# A batch is one piece of work, however many jobs it has.
# One statement, so that what runs, what waits and what is in use are of one moment. The count reads jobs_limited alone.
LIMITED = f"""
WITH waits AS MATERIALIZED (
    SELECT g.queue, g.type, g.n, g.since, g.size, h.limits, h.costs FROM (
        SELECT j.queue, j.type, j.limit_group AS grp, count(*) AS n, min(j.queued_at) AS since, {SIZE} AS size
        FROM corral.jobs j WHERE {WAITS} GROUP BY 1, 2, 3 ORDER BY since LIMIT {MOST_GROUPS}
    ) g CROSS JOIN LATERAL (
        SELECT j.limits, j.costs FROM corral.jobs j WHERE j.limit_group = g.grp AND {WAITS} LIMIT 1
    ) h
), runs AS MATERIALIZED (
    SELECT j.queue, j.type, j.limits, ceil(count(*) / {SIZE}) AS n
    FROM corral.jobs j WHERE j.state = 'running' AND j.limit_group IS NOT NULL GROUP BY 1, 2, 3
), names AS MATERIALIZED (
    SELECT DISTINCT u.name FROM (SELECT limits FROM waits UNION ALL SELECT limits FROM runs) x
    CROSS JOIN unnest(x.limits) AS u(name)
), room AS MATERIALIZED ({rooms("names n")})
SELECT 'waits', w.queue, w.type, w.n::int8, date_part('epoch', now() - w.since), w.limits, ARRAY(
           SELECT CASE WHEN o.by_batch THEN 1 / w.size ELSE c.cost END
           FROM unnest(w.limits, w.costs) WITH ORDINALITY AS c(name, cost, n) LEFT JOIN room o ON o.name = c.name ORDER BY c.n
       ), NULL::bool[], w.size::int4 FROM waits w
UNION ALL SELECT 'runs', r.queue, r.type, r.n::int8, 0, r.limits, NULL, NULL, 1 FROM runs r
UNION ALL SELECT 'room', o.name, '', 0, 0, NULL,
       ARRAY[o.room, o.bound, o.rate, o.per, (o.doc->>'per_worker')::float8],
       ARRAY[o.paused_at IS NOT NULL, o.parked_until IS NOT NULL, o.declared, o.probing], 1 FROM room o
"""


def limited_from(rows: Sequence[Row]) -> dict[str, LimitedJobs]:
    """The limited jobs of each queue, from the rows of LIMITED."""
    waiting, running, room = [], [], {}
    for kind, name, type, jobs, seconds, limits, numbers, flags, together in rows:
        match kind:
            case "waits":
                takes = dict(zip(limits, numbers, strict=True))
                waiting.append(WaitingJobs(name, type, jobs, max(0.0, seconds), takes, together))
            case "runs":
                running.append(RunningJobs(name, type, jobs, frozenset(limits)))
            case _:
                (left, bound, rate, per, each_worker), (paused, parked, declared, probing) = numbers, flags
                limit, key = parsed(name)
                room[name] = Room(
                    limit, key, left, bound, rate, per or 1.0, paused, parked, declared, probing, each_worker
                )
    return limited_jobs(waiting, running, room)
