"""Claiming jobs with limits: by group, oldest first, as many as every limit has room for (protocol rule 12).

Two statements in one round trip. The first locks the rows of the limits' keys, in their order, and makes those that
are missing. The second has a snapshot that is taken after these locks: what it reads as in use is what is in use,
whoever claimed or ended before. One statement for both would read the past. Keys are locked before jobs, and a claim
waits for no job: endings, which lock jobs before keys, can't deadlock with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.job.budget import EXACT
from corral.job.job import Claimed
from corral.store.claims import COLUMNS, claimed_from
from corral.store.database import Database, Params
from corral.store.limit_room import SLACK, rooms
from corral.store.sql_params import array, texts


@dataclass(frozen=True, slots=True)
class ClaimedGroups:
    """What one claim took: the jobs, and of each group how many."""

    claimed: list[Claimed]
    weights: dict[UUID, float]
    """Of the groups of which something was taken."""

    def taken(self, group: UUID) -> int:
        """How many jobs of a group were claimed."""
        return sum(job.limit_group == group for job in self.claimed)


@dataclass(frozen=True, slots=True)
class GroupState:
    """What a group of waiting jobs waits for."""

    empty: bool
    """None of its jobs waits."""
    full: tuple[str, ...] = ()
    """The limits and keys that have no room for the oldest."""
    others: tuple[str, ...] = ()
    """Those that have."""


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

    @property
    def closed(self) -> bool:
        """Whether it has no room for the job."""
        return self.room + 1e-9 < self.cost


@dataclass(frozen=True, slots=True)
class SlotHolder:
    """A job that holds what another one waits for."""

    job: UUID
    worker: UUID | None
    since: datetime | None
    cost: float


HEAD = """
    SELECT l.limits, l.costs FROM corral.jobs l
    WHERE l.limit_group = g.id AND l.suspect = %(alone)s
      AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
    ORDER BY l.queued_at, l.id LIMIT 1"""
ME = """me AS MATERIALIZED (
    SELECT w.id FROM corral.workers w WHERE w.id = %(worker)s AND w.state = 'active' FOR SHARE
)"""

# The conflict locks the row that is there; it writes nothing. A pause waits for the worker's row, as in CLAIM.
LOCK_KEYS_OF_GROUPS = f"""
WITH {ME}, names AS (
    SELECT DISTINCT n.name
    FROM me CROSS JOIN unnest(%(groups)s::uuid[]) AS g(id) CROSS JOIN LATERAL ({HEAD}) h
    CROSS JOIN unnest(h.limits) AS n(name)
)
INSERT INTO corral.limit_keys AS k (name, limit_name, key)
SELECT name, split_part(name, '=', 1), substr(name, strpos(name || '=', '=') + 1) FROM names ORDER BY name
ON CONFLICT (name) DO UPDATE SET in_use = k.in_use WHERE false
"""

# Of each group the oldest, as many as its limits let: `fit` adds up what the jobs before it take of each name, so one
# that is too large waits at the head. `started_at` is after the locks: no two attempts that held one slot overlap.
CLAIM_GROUPS = f"""
WITH {ME}, wanted AS MATERIALIZED (
    SELECT g.id AS grp, g.ord, g.take, h.limits, h.costs
    FROM me CROSS JOIN unnest(%(groups)s::uuid[], %(takes)s::int4[]) WITH ORDINALITY AS g(id, take, ord)
    CROSS JOIN LATERAL ({HEAD}) h
), names AS MATERIALIZED (
    SELECT DISTINCT u.name FROM wanted CROSS JOIN unnest(wanted.limits) AS u(name)
), room AS MATERIALIZED ({rooms("names n")}), shares AS MATERIALIZED (
    SELECT w.grp, w.ord, max(r.weight) AS weight,
           greatest(0, least(w.take, CASE WHEN bool_or(r.probing) THEN 1 END,
                             min(floor((coalesce(r.room, 0) + {SLACK}) / u.cost))))::int AS n
    FROM wanted w CROSS JOIN unnest(w.limits, w.costs) AS u(name, cost) LEFT JOIN room r ON r.name = u.name
    GROUP BY w.grp, w.ord, w.take
), picked AS MATERIALIZED (
    SELECT j.id, j.limits, j.costs, j.queued_at, s.ord, s.weight FROM shares s CROSS JOIN LATERAL (
        SELECT l.id, l.limits, l.costs, l.queued_at FROM corral.jobs l
        WHERE l.limit_group = s.grp AND l.suspect = %(alone)s
          AND l.state = 'blocked' AND l.limit_group IS NOT NULL AND l.queued_at IS NOT NULL
          AND l.type = ANY(%(types)s::text[])
          AND (l.expires_at IS NULL OR l.expires_at > now() OR l.attempt > 0)
          AND l.queue <> ALL (ARRAY(SELECT q.name FROM corral.queues q WHERE q.paused_at IS NOT NULL))
        ORDER BY l.queued_at, l.id LIMIT s.n FOR NO KEY UPDATE SKIP LOCKED
    ) j
), needs AS MATERIALIZED (
    SELECT p.id, u.name, u.cost, sum(u.cost) OVER before AS upto, row_number() OVER before AS place
    FROM picked p CROSS JOIN unnest(p.limits, p.costs) AS u(name, cost)
    WINDOW before AS (PARTITION BY u.name ORDER BY p.ord, p.queued_at, p.id)
), fit AS MATERIALIZED (
    SELECT n.id FROM needs n LEFT JOIN room r ON r.name = n.name
    GROUP BY n.id HAVING bool_and(n.upto <= coalesce(r.room, 0) + {SLACK} AND (n.place = 1 OR NOT coalesce(r.probing, false)))
), used AS (
    UPDATE corral.limit_keys k
    SET in_use = k.in_use + u.cost, probe = CASE WHEN r.probing THEN u.first ELSE k.probe END,
        taken_at = CASE WHEN r.rate <= {EXACT} THEN array_append(ARRAY(
            SELECT t.at FROM unnest(k.taken_at, k.taken) WITH ORDINALITY AS t(at, amount, n)
            WHERE t.at > r.at - r.per * interval '1 second' ORDER BY t.n), r.at) END,
        taken = CASE WHEN r.rate <= {EXACT} THEN array_append(ARRAY(
            SELECT t.amount FROM unnest(k.taken_at, k.taken) WITH ORDINALITY AS t(at, amount, n)
            WHERE t.at > r.at - r.per * interval '1 second' ORDER BY t.n), u.cost) END,
        tokens = CASE WHEN r.rate > {EXACT} THEN r.room - u.cost END,
        refilled_at = CASE WHEN r.rate > {EXACT} THEN r.at END
    FROM (
        SELECT n.name, sum(n.cost) AS cost, (array_agg(n.id))[1] AS first FROM needs n JOIN fit ON fit.id = n.id GROUP BY 1
    ) u
    JOIN room r ON r.name = u.name
    WHERE k.name = u.name
)
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = clock_timestamp(), updated_at = clock_timestamp(), progress = 0, progress_message = NULL
FROM fit JOIN picked ON picked.id = fit.id WHERE j.id = fit.id
RETURNING {COLUMNS}, picked.weight
"""

LOOK = f"""
SELECT g.id, h.limits IS NULL, f.names, o.names
FROM unnest(%(groups)s::uuid[]) AS g(id)
LEFT JOIN LATERAL ({HEAD}) h ON true
CROSS JOIN LATERAL (
    SELECT array_agg(r.name) FILTER (WHERE r.room + {SLACK} < r.cost) AS names,
           array_agg(r.name) FILTER (WHERE r.room + {SLACK} >= r.cost) AS others
    FROM ({rooms("unnest(h.limits, h.costs) AS n(name, cost)")}) r
) f CROSS JOIN LATERAL (SELECT f.others AS names) o
"""

LIMITS_OF = f"""
SELECT r.name, r.cost, r.room, r.in_use, r.bound, r.rate, r.per, r.declared, r.paused_at, r.paused_by, r.parked_until,
       r.parked_by, r.parked_reason, r.probe
FROM corral.jobs j CROSS JOIN LATERAL ({rooms("unnest(j.limits, j.costs) AS n(name, cost)")}) r
WHERE j.id = %(job)s ORDER BY r.name
"""
# Through jobs_limited_running.
HOLDERS = """
SELECT j.id, j.worker, j.started_at, u.cost
FROM corral.jobs j CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
WHERE j.state = 'running' AND j.limit_group IS NOT NULL AND u.name = %(name)s
ORDER BY j.started_at, j.id LIMIT %(limit)s
"""


class LimitClaims:
    """Claims jobs that take of limits, and tells what others wait for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: UUID, claim: UUID, groups: Mapping[UUID, int], types: Sequence[str], *, alone: bool
    ) -> ClaimedGroups:
        """Take the oldest jobs of these groups that their limits have room for, at most so many of each.

        Suspects only when `alone`. None where the worker may not claim.

        Raises:
            Unavailable: Postgres is away; where it is ambiguous, ask `Claims.claimed_under(claim)` before
                anything else (protocol rule 11).
        """
        params: Params = {"worker": worker, "groups": array(groups), "alone": alone}
        more: Params = {**params, "claim": claim, "types": texts(types), "takes": array(groups.values())}
        rows = (await self._database.hot_together((LOCK_KEYS_OF_GROUPS, params), (CLAIM_GROUPS, more)))[1]
        claimed = [claimed_from(row[:-1]) for row in rows]
        weights = {
            job.limit_group: row[-1]
            for job, row in zip(claimed, rows, strict=True)
            if job.limit_group is not None
        }
        return ClaimedGroups(claimed, weights)

    async def look(self, groups: Sequence[UUID], *, alone: bool) -> dict[UUID, GroupState]:
        """What each of these groups waits for now.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.hot(LOOK, {"groups": array(groups), "alone": alone})
        return {
            id: GroupState(empty, tuple(full or ()), tuple(others or ())) for id, empty, full, others in rows
        }

    async def limits_of(self, job: UUID) -> list[LimitState]:
        """Every limit of a job, as a claim would find it now; nothing for one without limits.

        Raises:
            Unavailable: Postgres is away.
        """
        return [LimitState(*row) for row in await self._database.run(LIMITS_OF, {"job": job})]

    async def holders(self, name: str, limit: int = 10) -> list[SlotHolder]:
        """The running jobs that hold something of a limit or a key, longest first.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(HOLDERS, {"name": name, "limit": limit})
        return [SlotHolder(*row) for row in rows]
