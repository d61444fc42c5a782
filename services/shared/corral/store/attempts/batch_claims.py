"""Claims of jobs that are handled together: of each group so many batches, each full or old enough (protocol rule 14).

The statements of `limit_claims` with one thing more: how the jobs of each type that the worker handles are put together.
A group of jobs that take of no limits has room for all. Of a limit that counts batches each batch takes 1: its first job
asks for it, and each of its jobs holds an equal part, so that it is given back when the last of them ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from corral.job.batch import Batch
from corral.store.attempts.claims import COLUMNS, GROUP, WIDTH
from corral.store.limits.holds import SHARE_OF_WORKER
from corral.store.limits.room import SLACK, rooms, taken
from corral.store.limits.states import MAY_START, ME, PASSABLE, UNEVALUATED
from corral.store.limits.waits import HEAD, looking
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Params
from corral.store.postgres.sql_params import array, numbers, texts

MOST = 1000
"""Jobs that one claim takes of one group, unless a single batch has more."""

BATCHES = """unnest(%(batch_types)s::text[], %(batch_sizes)s::int4[], %(batch_waits)s::float8[], %(batch_bytes)s::float8[])
       AS b(type, size, wait, max_bytes)"""
WAITING = """(
        SELECT count(*) AS n, coalesce(bool_or(w.attempt > 0), false) AS again FROM (
            SELECT l.attempt FROM corral.jobs l
            WHERE l.limit_group = g.id AND NOT l.suspect
              AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
            ORDER BY l.queued_at, l.id LIMIT coalesce(b.size, 0)
        ) w
    )"""
"""SQL of how many wait, as far as a batch: nothing is read of a group whose jobs are handled one by one, however many wait.
The order has them found by `jobs_limited`; the index of all blocked jobs holds every other group's, too."""

HEAVY = """
    SELECT sum(octet_length(w.payload)) FROM (
        SELECT l.payload::text FROM corral.jobs l
        WHERE b.max_bytes IS NOT NULL AND l.limit_group = g.id AND NOT l.suspect
          AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
        ORDER BY l.queued_at, l.id LIMIT b.size
    ) w"""

# A batch is full when so many wait, or when the next one would be too large for it; one that is not waits until its
# oldest job is old enough. One with a job that was tried before waits no longer: its time has come. Where limits have room
# for less than a full batch, it is what they have room for. `rest` is what the jobs before it in its group and it come to.
# A claim takes up to a thousand jobs, so no two of its lists of jobs are joined: these statements join by nested loops.
# `IS NOT TRUE` has what lacks room looked up in a hash table.
CLAIM = f"""
WITH {ME}, wanted AS MATERIALIZED (
    SELECT g.id AS grp, g.ord, h.limits, h.costs, b.size, b.max_bytes,
           CASE WHEN b.type IS NULL THEN g.take WHEN %(alone)s THEN 1
                WHEN b.max_bytes IS NOT NULL THEN b.size
                ELSE b.size * greatest(1, least(g.take, {MOST} / b.size)) END AS take,
           o.old OR (w.again AND w.n < b.size) AS old, coalesce(w.n >= b.size, false) AS full_now
    FROM me CROSS JOIN unnest(%(groups)s::uuid[], %(takes)s::int4[]) WITH ORDINALITY AS g(id, take, ord)
    CROSS JOIN LATERAL ({HEAD}) h LEFT JOIN {BATCHES} ON b.type = h.type
    CROSS JOIN LATERAL (
        SELECT b.type IS NULL OR %(alone)s OR h.queued_at <= clock_timestamp() - b.wait * interval '1 second' AS old
    ) o
    LEFT JOIN LATERAL {WAITING} w ON NOT o.old
    WHERE g.id <> '{UNEVALUATED}'::uuid
), names AS MATERIALIZED (
    SELECT DISTINCT u.name FROM wanted CROSS JOIN unnest(wanted.limits) AS u(name)
), room AS MATERIALIZED ({rooms("names n", locked=True)}), mine AS MATERIALIZED ({SHARE_OF_WORKER}
), shares AS MATERIALIZED (
    SELECT w.grp, w.ord, w.size, w.max_bytes, w.old, w.full_now, cardinality(w.limits) > 0 AS limited,
           coalesce(max(r.weight), 1) AS weight, array_agg(r.holder) FILTER (WHERE r.holder IS NOT NULL) AS holders,
           greatest(0, least(w.take, CASE WHEN bool_or(r.probing) THEN 1 END, min(m.room),
                             min(CASE WHEN r.by_batch THEN floor(coalesce(r.room, 0) + {SLACK}) * coalesce(w.size, 1)
                                      WHEN u.cost > 0 THEN floor((coalesce(r.room, 0) + {SLACK}) / greatest(u.cost, {SLACK})) END)))::int AS n
    FROM wanted w LEFT JOIN LATERAL unnest(w.limits, w.costs) AS u(name, cost) ON true LEFT JOIN room r ON r.name = u.name
    LEFT JOIN mine m ON m.limit_name = r.limit_name
    WHERE w.old OR w.full_now OR w.max_bytes IS NOT NULL
    GROUP BY w.grp, w.ord, w.size, w.max_bytes, w.old, w.full_now, w.limits, w.take
), picked AS MATERIALIZED (
    SELECT j.id, j.limits, j.costs, j.queued_at, s.grp, s.ord, s.weight, s.size, s.max_bytes, s.old, s.full_now, s.limited,
           row_number() OVER (PARTITION BY s.grp ORDER BY j.queued_at, j.id) AS number,
           sum(j.bytes) OVER (PARTITION BY s.grp ORDER BY j.queued_at, j.id) AS bytes
    FROM shares s CROSS JOIN LATERAL (
        SELECT l.id, l.limits, l.costs, l.queued_at,
               CASE WHEN s.max_bytes IS NOT NULL THEN octet_length(l.payload::text) END AS bytes
        FROM corral.jobs l
        WHERE {MAY_START} AND {PASSABLE} AND (s.holders IS NULL OR l.id = ALL(s.holders))
        ORDER BY l.queued_at, l.id LIMIT s.n FOR NO KEY UPDATE SKIP LOCKED
    ) j
), needs AS MATERIALIZED (
    SELECT n.id, n.name, n.limit_name, n.cost, sum(n.cost) OVER before AS upto, row_number() OVER before AS place,
           dense_rank() OVER (PARTITION BY n.limit_name ORDER BY n.ord, n.queued_at, n.id) AS nth
    FROM (
        SELECT p.id, p.ord, p.queued_at, u.name, r.limit_name,
               CASE WHEN r.holder = p.id THEN 0
                    WHEN r.by_batch THEN CASE WHEN (p.number - 1) %% coalesce(p.size, 1) = 0 THEN 1 ELSE 0 END
                    ELSE u.cost END AS cost
        FROM picked p CROSS JOIN unnest(p.limits, p.costs) AS u(name, cost) LEFT JOIN room r ON r.name = u.name
    ) n WINDOW before AS (PARTITION BY n.name ORDER BY n.ord, n.queued_at, n.id)
), roomy AS MATERIALIZED (
    SELECT p.*, count(*) OVER (PARTITION BY p.grp) AS count, p.heaviest > p.max_bytes AS heavy
    FROM (SELECT picked.*, max(picked.bytes) OVER (PARTITION BY picked.grp) AS heaviest FROM picked) p
    WHERE (p.id IN (
        SELECT n.id FROM needs n LEFT JOIN room r ON r.name = n.name LEFT JOIN mine m ON m.limit_name = n.limit_name
        WHERE NOT (n.upto <= coalesce(r.room, 0) + {SLACK} AND n.nth <= coalesce(m.room, 'Infinity')
                   AND (n.place = 1 OR NOT coalesce(r.probing, false)))
    )) IS NOT TRUE AND (p.max_bytes IS NULL OR p.bytes <= p.max_bytes OR p.number = 1)
), fit AS MATERIALIZED (
    SELECT r.id, r.weight, r.number, count(*) OVER (PARTITION BY r.grp, (r.number - 1) / coalesce(r.size, 1)) AS together
    FROM roomy r
    WHERE r.size IS NULL OR r.number <= r.count - r.count %% r.size
       OR r.count < r.size AND (r.old OR r.heavy OR (r.full_now AND r.limited))
), {taken()}
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = clock_timestamp(), updated_at = clock_timestamp(), progress = 0, progress_message = NULL,
    costs = CASE WHEN EXISTS (SELECT FROM room r WHERE r.by_batch) THEN ARRAY(
        SELECT CASE WHEN r.by_batch THEN 1.0 / fit.together ELSE c.cost END
        FROM unnest(j.limits, j.costs) WITH ORDINALITY AS c(name, cost, n) LEFT JOIN room r ON r.name = c.name ORDER BY c.n
    ) ELSE j.costs END
FROM fit WHERE j.id = fit.id
RETURNING {COLUMNS}, fit.weight, date_part('epoch', j.queued_at), fit.number
"""

LOOK = looking(
    f""",
       CASE WHEN b.type IS NULL OR %(alone)s OR (w.again AND w.n < b.size) THEN 0
            ELSE greatest(0, b.wait - date_part('epoch', clock_timestamp() - h.queued_at)) END,
       CASE WHEN b.type IS NULL OR %(alone)s OR coalesce(({HEAVY}), 0) > b.max_bytes THEN 0
            ELSE greatest(0, b.size - w.n) END""",
    f"LEFT JOIN {BATCHES} ON b.type = h.type LEFT JOIN LATERAL {WAITING} w ON true",
)

GATHERED = """
SELECT count(*), coalesce(date_part('epoch', now() - min(w.queued_at)), 0)
FROM corral.jobs j CROSS JOIN LATERAL (
    SELECT l.queued_at FROM corral.jobs l
    WHERE l.limit_group = j.limit_group AND NOT l.suspect
      AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
    ORDER BY l.queued_at, l.id LIMIT %(size)s
) w WHERE j.id = %(job)s AND NOT j.suspect
"""


@dataclass(frozen=True, slots=True)
class GatheringBatch:
    """The jobs that wait for a batch together."""

    jobs: int
    """Not more than one batch may have."""
    oldest: float
    """Seconds that the oldest has waited."""


def parameters(batches: Mapping[str, Batch]) -> Params:
    """How the jobs of each type are put together, for the statements."""
    return {
        "batch_types": texts(batches),
        "batch_sizes": array(one.size for one in batches.values()),
        "batch_waits": numbers(one.wait for one in batches.values()),
        "batch_bytes": numbers(one.max_bytes for one in batches.values()),
    }


def order(row: Row) -> tuple[int, int]:
    """By group, and within it as they waited."""
    group = row[GROUP]
    return (group.int, row[WIDTH + 2])
