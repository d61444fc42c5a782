"""Claiming jobs with limits: by group, oldest first, as many as every limit has room for (protocol rule 12).

Two statements in one round trip. The first locks the rows of the limits' keys, in their order, and makes those that
are missing. The second has a snapshot that is taken after these locks: what it reads as in use is what is in use,
whoever claimed or ended before. One statement for both would read the past. Keys are locked before jobs, and a claim
waits for no job: endings, which lock jobs before keys, can't deadlock with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from corral.job.batch import Batch
from corral.job.job import Claimed
from corral.store.attempts import batch_claims
from corral.store.attempts.claims import COLUMNS, WIDTH, BeyondSlots, claimed_from
from corral.store.attempts.open_claims import OpenClaim, OpenTake, claim_open, earliest
from corral.store.limits.holds import SHARE_OF_WORKER
from corral.store.limits.room import SLACK, rooms, taken
from corral.store.limits.states import MAY_START, ME, PASSABLE
from corral.store.limits.waits import (
    BY_WORKER,
    HEAD,
    HOLDERS,
    LIMITS_OF,
    LOOK,
    GroupState,
    LimitState,
    SlotHolder,
)
from corral.store.postgres.database import Database, Params
from corral.store.postgres.sql_params import array, texts


@dataclass(frozen=True, slots=True)
class ClaimedGroups:
    """What one claim took: the jobs, and of each group how many."""

    claimed: list[Claimed]
    weights: dict[UUID, float]
    """Of the groups of which something was taken."""
    since: dict[UUID, float] = field(default_factory=dict)
    """Of these, since when the job that waited longest had waited; seconds since 1970, of Postgres' clock."""

    def taken(self, group: UUID) -> int:
        """How many jobs of a group were claimed."""
        return sum(job.limit_group == group for job in self.claimed)


NO_BATCHES: Mapping[str, Batch] = MappingProxyType({})

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
), room AS MATERIALIZED ({rooms("names n", locked=True)}), mine AS MATERIALIZED ({SHARE_OF_WORKER}
), shares AS MATERIALIZED (
    SELECT w.grp, w.ord, max(r.weight) AS weight, array_agg(r.holder) FILTER (WHERE r.holder IS NOT NULL) AS holders,
           greatest(0, least(w.take, CASE WHEN bool_or(r.probing) THEN 1 END, min(m.room),
                             min(floor((coalesce(r.room, 0) + {SLACK}) / greatest(u.cost, {SLACK})))))::int AS n
    FROM wanted w CROSS JOIN unnest(w.limits, w.costs) AS u(name, cost) LEFT JOIN room r ON r.name = u.name
    LEFT JOIN mine m ON m.limit_name = r.limit_name
    GROUP BY w.grp, w.ord, w.take
), picked AS MATERIALIZED (
    SELECT j.id, j.limits, j.costs, j.queued_at, s.ord, s.weight FROM shares s CROSS JOIN LATERAL (
        SELECT l.id, l.limits, l.costs, l.queued_at FROM corral.jobs l
        WHERE {MAY_START} AND {PASSABLE}
        ORDER BY l.queued_at, l.id LIMIT CASE WHEN s.holders IS NULL THEN s.n ELSE 0 END FOR NO KEY UPDATE SKIP LOCKED
    ) j
    UNION ALL
    SELECT l.id, l.limits, l.costs, l.queued_at, s.ord, s.weight FROM shares s CROSS JOIN LATERAL (
        SELECT j.* FROM corral.jobs j WHERE j.id = s.holders[1] AND s.n > 0 OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED
    ) l
    WHERE l.id = ALL(s.holders) AND {MAY_START} AND {PASSABLE}
), needs AS MATERIALIZED (
    SELECT n.id, n.name, n.limit_name, n.cost, n.weight, sum(n.cost) OVER before AS upto, row_number() OVER before AS place,
           dense_rank() OVER (PARTITION BY n.limit_name ORDER BY n.ord, n.queued_at, n.id) AS nth
    FROM (
        SELECT p.id, p.ord, p.queued_at, p.weight, u.name, r.limit_name, CASE WHEN r.holder = p.id THEN 0 ELSE u.cost END AS cost
        FROM picked p CROSS JOIN unnest(p.limits, p.costs) AS u(name, cost) LEFT JOIN room r ON r.name = u.name
    ) n WINDOW before AS (PARTITION BY n.name ORDER BY n.ord, n.queued_at, n.id)
), fit AS MATERIALIZED (
    SELECT n.id, max(n.weight) AS weight
    FROM needs n LEFT JOIN room r ON r.name = n.name LEFT JOIN mine m ON m.limit_name = n.limit_name
    GROUP BY n.id HAVING bool_and(n.upto <= coalesce(r.room, 0) + {SLACK} AND n.nth <= coalesce(m.room, 'Infinity')
                                  AND (n.place = 1 OR NOT coalesce(r.probing, false)))
), {taken()}
UPDATE corral.jobs j
SET state = 'running', attempt = j.attempt + 1, worker = %(worker)s, claim = %(claim)s,
    started_at = clock_timestamp(), updated_at = clock_timestamp(), progress = 0, progress_message = NULL
FROM fit WHERE j.id = fit.id
RETURNING {COLUMNS}, fit.weight, date_part('epoch', j.queued_at)
"""


class LimitClaims:
    """Claims jobs that take of limits, and tells what others wait for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self,
        worker: UUID,
        claim: UUID,
        groups: Mapping[UUID, int],
        types: Sequence[str],
        *,
        alone: bool,
        held: Sequence[UUID] = (),
        batches: Mapping[str, Batch] = NO_BATCHES,
    ) -> ClaimedGroups:
        """Take the oldest jobs of these groups that their limits have room for, at most so many of each.

        Suspects only when `alone`. None where the worker may not claim. `held` are the jobs that the worker holds: limits
        that say how many each worker may run count them. Of types in `batches` at most so many batches are taken, each of
        jobs that are full in number or old enough.

        Raises:
            Unavailable: Postgres is away; where it is ambiguous, ask `Claims.claimed_under(claim)` before
                anything else (protocol rule 11).
        """
        params: Params = {"worker": worker, "groups": array(groups), "alone": alone}
        more: Params = {
            **params,
            "claim": claim,
            "types": texts(types),
            "takes": array(groups.values()),
            "held": array(held),
        }
        statement = CLAIM_GROUPS
        if batches:
            statement, more = batch_claims.CLAIM, {**more, **batch_claims.parameters(batches)}
        steps = (LOCK_KEYS_OF_GROUPS, params), (statement, more)
        rows = (await self._database.hot_together(*steps, binary=True))[1]
        if batches:
            rows.sort(key=batch_claims.order)
        claimed = [claimed_from(row) for row in rows]
        weights = {
            job.limit_group: row[WIDTH]
            for job, row in zip(claimed, rows, strict=True)
            if job.limit_group is not None
        }
        return ClaimedGroups(claimed, weights, earliest(claimed, [row[WIDTH + 1] for row in rows]))

    async def claim_open(
        self,
        worker: UUID,
        claim: UUID,
        groups: Mapping[UUID, OpenTake],
        types: Sequence[str],
        *,
        beyond: BeyondSlots | None = None,
    ) -> OpenClaim:
        """Take what is asked of these groups, if every limit has room for all of it; else nothing: `claim` decides then.

        `beyond` bounds what is taken where that is more than slots are free; then every limit has to have room for twice as much.

        Raises:
            Unavailable: Postgres is away; where it is ambiguous, ask `Claims.claimed_under(claim)` before
                anything else (protocol rule 11).
        """
        return await claim_open(self._database, worker, claim, groups, types, beyond=beyond)

    async def look(
        self,
        groups: Sequence[UUID],
        *,
        alone: bool,
        worker: UUID | None = None,
        held: Sequence[UUID] = (),
        batches: Mapping[str, Batch] = NO_BATCHES,
    ) -> dict[UUID, GroupState]:
        """What each of these groups waits for now, where the worker that asks holds these jobs.

        Raises:
            Unavailable: Postgres is away.
        """
        params: Params = {"groups": array(groups), "alone": alone, "worker": worker, "held": array(held)}
        statement = LOOK
        if batches:
            statement, params = batch_claims.LOOK, {**params, **batch_claims.parameters(batches)}
        states = {}
        for id, empty, full, others, busy, opens, *gathering in await self._database.hot(statement, params):
            due_in, missing = gathering or (0.0, 0)
            states[id] = GroupState(
                empty, tuple(full or ()), tuple(others or ()), tuple(busy or ()), due_in, missing, opens
            )
        return states

    async def gathered(self, job: UUID, size: int) -> batch_claims.GatheringBatch:
        """The jobs that wait with this one to be handled together; at most `size`.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(batch_claims.GATHERED, {"job": job, "size": size})
        return batch_claims.GatheringBatch(*rows[0])

    async def limits_of(self, job: UUID) -> list[LimitState]:
        """Every limit of a job, as a claim would find it now; nothing for one without limits.

        Raises:
            Unavailable: Postgres is away.
        """
        return [LimitState(*row) for row in await self._database.run(LIMITS_OF, {"job": job})]

    async def holders(self, name: str, limit: int = 10) -> list[SlotHolder]:
        """The jobs that hold something of a limit or a key, longest first: those that run, and one that keeps its slot.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(HOLDERS, {"name": name, "limit": limit})
        return [SlotHolder(*row) for row in rows]

    async def by_worker(self, limit: str) -> dict[str, int]:
        """How many jobs of a limit each worker runs, by the worker's name.

        Raises:
            Unavailable: Postgres is away.
        """
        return {name: count for name, count in await self._database.run(BY_WORKER, {"limit": limit})}  # noqa: C416  # rows are untyped
