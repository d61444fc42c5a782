"""What limited jobs wait for, and who holds it: the questions and their answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.job.budget import EXACT
from corral.store.limits.holds import held_by_worker
from corral.store.limits.room import SLACK, rooms


@dataclass(frozen=True, slots=True)
class GroupState:
    """What a group of waiting jobs waits for."""

    empty: bool
    """None of its jobs waits."""
    full: tuple[str, ...] = ()
    """The limits and keys that have no room for the oldest."""
    others: tuple[str, ...] = ()
    """Those that have."""
    busy: tuple[str, ...] = ()
    """Limits of which the worker itself runs as many as each worker may."""
    due_in: float = 0.0
    """Seconds until its oldest job has waited long enough for others to join its batch."""
    missing: int = 0
    """How many more jobs would fill the batch before that."""
    opens_in: float | None = None
    """Seconds until what is full may have room by itself, as a rate has that is used up; None where that is not known."""


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit, or one key of it, as a claim would find it."""

    name: str
    """`openai` for the total, `customer=acme` for a key."""
    cost: float
    """What the job that is asked about takes of it."""
    room: float
    """What may be taken now; below 0 where nothing may start."""
    in_use: float
    bound: float | None
    """The most that may be in use; None: no bound, or a rate."""
    rate: float | None
    """How much may be taken in `per` seconds."""
    per: float | None
    declared: bool
    """Whether a registration ever declared the limit."""
    paused_at: datetime | None
    paused_by: str | None
    parked_until: datetime | None
    """Until when a provider asked to wait. In the past: one job goes first, and nobody else before its success."""
    parked_by: UUID | None = None
    """The job that was told so."""
    parked_reason: str | None = None
    probe: UUID | None = None
    """The job that goes first."""
    for_life: bool = False
    """Whether the job that takes the slot keeps it until it has ended."""
    per_worker: int | None = None
    """How many each worker may run."""
    burst: float | None = None
    """How much may be taken at once of a rate that is too large to keep each take."""

    @property
    def most_at_once(self) -> float | None:
        """The most that a rate ever lets a job take; None: it is no rate."""
        return self.burst if self.rate is not None and self.rate > EXACT else self.rate

    @property
    def closed(self) -> bool:
        """Whether it has no room for the job."""
        return self.room + 1e-9 < self.cost


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """A job, or a program, that holds what a job waits for."""

    job: UUID | None
    """None: a program that is no handler."""
    worker: UUID | None
    since: datetime | None
    cost: float
    program: str | None = None
    """The name of the program."""


HEAD = """
    SELECT l.limits, l.costs, l.type, l.queued_at FROM corral.jobs l
    WHERE l.limit_group = g.id AND l.suspect = %(alone)s
      AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
    ORDER BY l.queued_at, l.id LIMIT 1"""


def looking(further: str = "", joined: str = "") -> str:
    """SQL of what groups wait for; with further columns, and what they are read from."""
    return f"""
SELECT g.id, h.limits IS NULL, f.names, o.names, f.busy, f.opens{further}
FROM unnest(%(groups)s::uuid[]) AS g(id)
LEFT JOIN LATERAL ({HEAD}) h ON true {joined}
CROSS JOIN LATERAL (
    SELECT array_agg(r.name) FILTER (WHERE r.full) AS names, array_agg(r.name) FILTER (WHERE NOT r.full) AS others,
           array_agg(DISTINCT r.limit_name) FILTER (WHERE r.busy) AS busy,
           CASE WHEN bool_and(r.opens IS NOT NULL) FILTER (WHERE r.full) THEN max(r.opens) FILTER (WHERE r.full) END AS opens
    FROM (
        SELECT r.name, r.limit_name, r.room + {SLACK} < CASE WHEN r.by_batch THEN 1 ELSE r.cost END OR (r.holder IS NOT NULL AND NOT EXISTS (
                   SELECT FROM corral.jobs j WHERE j.id = r.holder AND j.limit_group = g.id AND j.suspect = %(alone)s)
               ) AS full,
               CASE WHEN r.doc ? 'per_worker' THEN (r.doc->>'per_worker')::float8 <= {held_by_worker("r.limit_name")}
               ELSE false END AS busy,
               CASE WHEN r.rate <= {EXACT} AND r.declared AND r.paused_at IS NULL AND r.parked_until IS NULL THEN (
                   SELECT date_part('epoch', min(t.at) - r.at) + r.per FROM unnest(r.taken_at) AS t(at)
                   WHERE t.at > r.at - r.per * interval '1 second') END AS opens
        FROM ({rooms("unnest(h.limits, h.costs) AS n(name, cost)")}) r
    ) r
) f CROSS JOIN LATERAL (SELECT f.others AS names) o
"""


LOOK = looking()

LIMITS_OF = f"""
SELECT r.name, CASE WHEN r.by_batch THEN 1 ELSE r.cost END, CASE WHEN r.holder <> j.id THEN least(r.room, 0) ELSE r.room END, r.in_use, r.bound, r.rate, r.per, r.declared, r.paused_at, r.paused_by, r.parked_until,
       r.parked_by, r.parked_reason, r.probe, r.for_life, (r.doc->>'per_worker')::int, r.burst
FROM corral.jobs j CROSS JOIN LATERAL ({rooms("unnest(j.limits, j.costs) AS n(name, cost)")}) r
WHERE j.id = %(job)s ORDER BY r.name
"""
# Through jobs_limited_running; and the one that keeps its slot while it waits.
HOLDERS = """
SELECT j.id, j.worker, j.started_at, u.cost, NULL::text
FROM corral.jobs j CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
WHERE j.state = 'running' AND j.limit_group IS NOT NULL AND u.name = %(name)s
UNION ALL
SELECT j.id, NULL, j.started_at, 1, NULL FROM corral.limit_keys k JOIN corral.jobs j ON j.id = k.holder
WHERE k.name = %(name)s AND j.state IN ('blocked', 'scheduled', 'queued')
UNION ALL
SELECT l.job, j.worker, l.taken_at, 1, l.program FROM corral.limit_leases l LEFT JOIN corral.jobs j ON j.id = l.job
WHERE %(name)s = ANY(l.names)
ORDER BY 3, 1 LIMIT %(limit)s
"""
# Through jobs_limited_running.
BY_WORKER = """
SELECT w.name, count(*)::int FROM corral.jobs j JOIN corral.workers w ON w.id = j.worker
WHERE j.state = 'running' AND j.limit_group IS NOT NULL
  AND EXISTS (SELECT FROM unnest(j.limits) AS u(name) WHERE split_part(u.name, '=', 1) = %(limit)s)
GROUP BY 1
"""
