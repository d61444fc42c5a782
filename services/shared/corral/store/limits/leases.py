"""Leases of limits: slots that handlers and programs hold while they run, beside those that jobs took when they started.

A lease that is not renewed ends, and its slot is free: so no slot outlives its holder by more than the lease. Keys are
locked before anything is counted, as by claims; whoever takes a slot waits for no lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.store.leader.leases import Term, as_leader
from corral.store.limits.room import SLACK, given_back, rooms
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.sql_params import array, texts

LEASE_SECONDS = 30.0
"""How long a slot is held without being renewed."""

LOCK = """
INSERT INTO corral.limit_keys AS k (name, limit_name, key)
SELECT n.name, split_part(n.name, '=', 1), substr(n.name, strpos(n.name || '=', '=') + 1)
FROM unnest(%(names)s::text[]) AS n(name) ORDER BY n.name
ON CONFLICT (name) DO UPDATE SET in_use = k.in_use WHERE false
"""
_HOLDS = """(%(job)s::uuid IS NULL OR EXISTS (
    SELECT FROM corral.jobs j WHERE j.id = %(job)s::uuid AND j.attempt = %(attempt)s::int AND j.state = 'running'))"""
# Asked again with the same id, because no answer came, it takes nothing more. A key that was parked is opened by the job that goes first, and by no lease.
TAKE = f"""
WITH room AS MATERIALIZED ({rooms("unnest(%(names)s::text[]) AS n(name)")}), made AS (
    INSERT INTO corral.limit_leases (id, names, job, attempt, program, expires_at)
    SELECT %(id)s, %(names)s::text[], %(job)s::uuid, %(attempt)s::int, %(program)s::text,
           clock_timestamp() + %(seconds)s * interval '1 second'
    WHERE NOT EXISTS (SELECT FROM corral.limit_leases l WHERE l.id = %(id)s) AND (SELECT bool_and(r.room + {SLACK} >= 1 AND NOT r.probing AND r.holder IS NULL) FROM room r)
      AND {_HOLDS}
    RETURNING id
), used AS (
    UPDATE corral.limit_keys k SET in_use = k.in_use + 1
    FROM made WHERE k.name = ANY(%(names)s::text[])
)
SELECT EXISTS (SELECT FROM made) OR EXISTS (SELECT FROM corral.limit_leases l WHERE l.id = %(id)s), {_HOLDS}
"""
RENEW = """
UPDATE corral.limit_leases l SET expires_at = clock_timestamp() + %(seconds)s * interval '1 second'
WHERE l.id = ANY(%(ids)s::uuid[]) AND l.expires_at > clock_timestamp()
  AND (l.job IS NULL OR EXISTS (
      SELECT FROM corral.jobs j WHERE j.id = l.job AND j.attempt = l.attempt AND j.state = 'running'))
RETURNING l.id
"""
OF_PROGRAM = "SELECT names FROM corral.limit_leases WHERE id = %(id)s AND program IS NOT NULL"
_ENDED = (
    "id, names AS limits, array_fill(1::float8, ARRAY[cardinality(names)]) AS costs, 'completed' AS outcome"
)
RELEASE = f"""
WITH ended AS (
    DELETE FROM corral.limit_leases l WHERE l.id = %(id)s RETURNING {_ENDED}
), {given_back("ended")}
SELECT unnest(ended.limits) FROM ended
"""
# Of a dead worker, or of an attempt that ended and left it behind.
EXPIRE = f"""
WITH over AS MATERIALIZED (
    SELECT l.id FROM corral.limit_leases l WHERE l.expires_at < clock_timestamp()
    ORDER BY l.expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM corral.limit_leases l USING over WHERE l.id = over.id
    RETURNING l.id, l.names AS limits, array_fill(1::float8, ARRAY[cardinality(l.names)]) AS costs,
              'completed' AS outcome
), {given_back("ended")}
SELECT u.name, count(*)::int8 FROM ended CROSS JOIN unnest(ended.limits) AS u(name) GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """What became of the wish for a slot."""

    taken: bool
    holds: bool
    """Whether the attempt still holds its job."""


class LimitLeases:
    """Slots that handlers and programs hold while they run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, lease: UUID, names: Sequence[str], job: UUID, attempt: int) -> LeaseAnswer:
        """Take one slot of each of these limits and keys, of all or of none; they come sorted.

        Raises:
            Unavailable: Postgres is away, and it may be taken.
        """
        return await self._take(lease, names, {"job": job, "attempt": attempt, "program": None})

    async def take_for_program(self, lease: UUID, names: Sequence[str], program: str) -> bool:
        """The same for a program that is no handler, by its name; whether it is held now.

        Raises:
            Unavailable: Postgres is away, and it may be taken.
        """
        return (await self._take(lease, names, {"job": None, "attempt": None, "program": program})).taken

    async def _take(self, lease: UUID, names: Sequence[str], holder: dict[str, object]) -> LeaseAnswer:
        params = {"id": lease, "names": texts(names), "seconds": LEASE_SECONDS, **holder}
        async with self._database.transaction(SHORT) as transaction:
            await transaction.count(LOCK, {"names": texts(names)})
            rows = await transaction.rows(TAKE, params)
        return LeaseAnswer(*rows[0])

    async def of_program(self, lease: UUID) -> list[str]:
        """What a program holds by this lease; nothing where none does.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OF_PROGRAM, {"id": lease})
        return list(rows[0][0]) if rows else []

    async def renew(self, leases: Sequence[UUID]) -> set[UUID]:
        """Hold these for another LEASE_SECONDS; those that are still held, by attempts that still hold their jobs.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(RENEW, {"ids": array(leases), "seconds": LEASE_SECONDS})
        return {row[0] for row in rows}

    async def release(self, lease: UUID) -> list[str]:
        """Give a slot back; the limits and keys that have one more now, none where it was not held.

        Raises:
            Unavailable: Postgres is away, and it may be given back.
        """
        return [row[0] for row in await self._database.run(RELEASE, {"id": lease})]

    async def expire(self, term: Term, limit: int = 1000) -> dict[str, int]:
        """End the leases that were not renewed; how many slots of which limits and keys are free with that.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return {name: count for name, count in await transaction.rows(EXPIRE, {"limit": limit})}  # noqa: C416
