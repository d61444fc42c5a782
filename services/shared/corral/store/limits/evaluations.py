"""Jobs of which nobody evaluated what they take of limits, and limits that count otherwise than before.

Through jobs_limited: those that wait for their evaluation are a group of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.lane import Lane, lane_of
from corral.job.limit_use import LimitUses
from corral.job.priority import Priority
from corral.store.leader.leases import Term, as_leader
from corral.store.limits.states import UNEVALUATED, WAITS
from corral.store.postgres.database import DUTY, Database
from corral.store.postgres.sql_params import EMPTY, array, numbers, texts

FRESH_SECONDS = 3
"""Seconds after a registration in which publishers may still evaluate by what was declared before."""


@dataclass(frozen=True, slots=True)
class UnevaluatedJob:
    """A job that waits for the evaluation of what it takes."""

    id: UUID
    type: str
    queue: str
    priority: Priority
    payload: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class EvaluatedJob:
    """A job that waits for its limits from now on, or for nothing."""

    id: UUID
    lane: Lane
    group: UUID | None


WAITING = f"""
SELECT j.id, j.type, j.queue, j.priority, j.payload::text FROM corral.jobs j
WHERE {WAITS} AND j.limit_group = '{UNEVALUATED}' AND j.type = ANY(%(types)s::text[])
ORDER BY j.suspect, j.queued_at, j.id LIMIT %(limit)s
"""
# What takes nothing is queued; its limits are empty, so that nobody evaluates it again.
SET = f"""
UPDATE corral.jobs j
SET limit_group = i.grp, limits = i.limits::text[], costs = i.costs::float8[], counted_by = i.counted_by::text[],
    state = CASE WHEN i.grp IS NULL THEN 'queued' ELSE 'blocked' END
FROM unnest(%(ids)s::uuid[], %(groups)s::uuid[], %(limits)s::text[], %(costs)s::text[], %(counted_by)s::text[])
    AS i(id, grp, limits, costs, counted_by)
WHERE j.id = i.id AND {WAITS} AND j.limit_group = '{UNEVALUATED}'
RETURNING j.id, j.queue, j.priority, j.suspect, j.limit_group
"""
STALE = f"""
SELECT name, version FROM corral.limits
WHERE stale AND declared_at < now() - {FRESH_SECONDS} * interval '1 second' ORDER BY name
"""
GROUPS = f"""
SELECT g.grp FROM (SELECT DISTINCT j.limit_group AS grp FROM corral.jobs j WHERE {WAITS}) g CROSS JOIN LATERAL (
    SELECT j.limits FROM corral.jobs j WHERE j.limit_group = g.grp AND {WAITS} LIMIT 1
) h
WHERE EXISTS (SELECT FROM unnest(h.limits) AS n(name) WHERE split_part(n.name, '=', 1) = ANY(%(names)s::text[]))
"""
UNDO = f"""
UPDATE corral.jobs j SET limit_group = '{UNEVALUATED}', limits = '{{}}', costs = '{{}}', counted_by = NULL
WHERE j.id IN (
    SELECT j.id FROM corral.jobs j WHERE {WAITS} AND j.limit_group = ANY(%(groups)s::uuid[])
    LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
"""
# Those that are not due, or wait for others, are evaluated when they are ready.
UNDO_LATER = """
UPDATE corral.jobs j SET limit_group = NULL, limits = NULL, costs = NULL, counted_by = NULL
WHERE j.state IN ('scheduled', 'blocked') AND j.queued_at IS NULL AND j.attempt = 0 AND j.limits IS NOT NULL
  AND EXISTS (SELECT FROM unnest(j.limits) AS n(name) WHERE split_part(n.name, '=', 1) = ANY(%(names)s::text[]))
"""
DONE = """
UPDATE corral.limits l SET stale = false
FROM unnest(%(names)s::text[], %(versions)s::text[]) AS i(name, version)
WHERE l.name = i.name AND l.version = i.version
"""


class LimitEvaluations:
    """The statements by which the leader evaluates what jobs take of limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, types: Sequence[str], limit: int = 500) -> list[UnevaluatedJob]:
        """Jobs of these types that wait for their evaluation, the oldest first.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(WAITING, {"types": texts(types), "limit": limit}, limits=DUTY)
        return [
            UnevaluatedJob(id, type, queue, Priority.read(priority), payload)
            for id, type, queue, priority, payload in rows
        ]

    async def set(self, term: Term, evaluated: Sequence[tuple[UUID, LimitUses | None]]) -> list[EvaluatedJob]:
        """Store what these jobs take; those that still waited for it.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        params = {
            "ids": array(id for id, _ in evaluated),
            "groups": array(uses.group if uses else "NULL" for _, uses in evaluated),
            "limits": texts([texts(uses.names) if uses else EMPTY for _, uses in evaluated]),
            "costs": texts([numbers(uses.costs) if uses else EMPTY for _, uses in evaluated]),
            "counted_by": texts(
                [texts(uses.counted) if uses and uses.counted else None for _, uses in evaluated]
            ),
        }
        async with as_leader(self._database, term) as transaction:
            rows = await transaction.rows(SET, params)
        return [
            EvaluatedJob(id, lane_of(queue, Priority.read(priority), suspect=suspect), group)
            for id, queue, priority, suspect, group in rows
        ]

    async def stale(self) -> dict[str, str]:
        """The limits whose declaration counts otherwise than before, with its version.

        Raises:
            Unavailable: Postgres is away.
        """
        return {name: version for name, version in await self._database.run(STALE, limits=DUTY)}  # noqa: C416  # rows are untyped

    async def undo(self, term: Term, limits: Sequence[str], page: int = 2000) -> int:
        """Have what waits for these limits be evaluated again; how many jobs.

        Raises:
            LeaseLost: what was not written yet stays.
            Unavailable: Postgres is away.
        """
        names = texts(limits)
        groups = array([row[0] for row in await self._database.run(GROUPS, {"names": names}, limits=DUTY)])
        undone, page_done = 0, page
        while page_done == page:
            async with as_leader(self._database, term) as transaction:
                page_done = await transaction.count(UNDO, {"groups": groups, "limit": page})
            undone += page_done
        async with as_leader(self._database, term) as transaction:
            return undone + await transaction.count(UNDO_LATER, {"names": names})

    async def done(self, term: Term, versions: dict[str, str]) -> None:
        """Note that what waits was evaluated by these versions of limits.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            await transaction.count(DONE, {"names": texts(versions), "versions": texts(versions.values())})
