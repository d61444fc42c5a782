"""What the leader does about limits: which groups wait, which keys have room again, what is in use, what is idle."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from corral.job.budget import EXACT
from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.store.leader.leases import Term, as_leader
from corral.store.limits.holds import DROP_HOLDERS, KEPT, KEPT_OF_LIMITS, LOCK_HOLDERS
from corral.store.limits.room import SLACK, rooms
from corral.store.limits.states import WAITS
from corral.store.postgres.database import DUTY, Database
from corral.store.postgres.sql_params import texts

IDLE_SECONDS = 60
"""How long the state of a rate is kept after its window is over."""
PARKED_SECONDS = 3600
"""How long it is kept that one job goes first, after a wait that a provider asked for is over."""


@dataclass(frozen=True, slots=True)
class WaitingGroup:
    """A group of which at least one job waits, and the lane in which its turn comes."""

    id: UUID
    lane: Lane


@dataclass(frozen=True, slots=True)
class Miscount:
    """A key of which something else was noted as in use than what runs."""

    name: str
    noted: float
    runs: float


@dataclass(frozen=True, slots=True)
class GroupCursor:
    """Where a page of groups ended; opaque to its holder."""

    group: UUID
    suspect: bool


# A skip-scan of jobs_limited: one look for each group, however many jobs it has.
_NEXT = f"""
SELECT j.limit_group, j.suspect, j.queue, j.priority FROM corral.jobs j
WHERE {WAITS} AND (j.limit_group, j.suspect) > ({{behind}})
ORDER BY j.limit_group, j.suspect, j.queued_at, j.id LIMIT 1"""
GROUPS = f"""
WITH RECURSIVE found AS (
    ({_NEXT.format(behind="%(group)s::uuid, %(suspect)s::bool")})
    UNION ALL
    SELECT next.* FROM found CROSS JOIN LATERAL ({_NEXT.format(behind="found.limit_group, found.suspect")}) next
)
SELECT * FROM found LIMIT %(limit)s
"""
START = GroupCursor(UUID(int=0), suspect=False)

# What nobody uses has all its room.
OPEN = f"""
SELECT r.name, CASE WHEN r.probing THEN 1 WHEN r.holder IS NOT NULL THEN 1000000 ELSE least(r.room, 1000000) END::int8
FROM ({rooms("unnest(%(names)s::text[]) AS n(name)")}) r WHERE r.room > {SLACK}
"""

# When something of a rate that is used up may be taken again, or a wait is over. Of a large rate at any time.
OPENS = f"""
SELECT min(CASE
    WHEN r.parked_until > r.at THEN date_part('epoch', r.parked_until - r.at)
    WHEN r.rate <= {EXACT} THEN (
        SELECT date_part('epoch', min(t.at) - r.at) + r.per FROM unnest(r.taken_at) AS t(at)
        WHERE t.at > r.at - r.per * interval '1 second')
    ELSE 0 END)
FROM ({rooms("unnest(%(names)s::text[]) AS n(name)")}) r
WHERE (r.rate IS NOT NULL OR r.parked_until > r.at) AND r.paused_at IS NULL AND r.declared
"""

RUNS = f"""
    SELECT r.name, sum(r.cost) AS cost FROM (
        SELECT u.name, u.cost FROM corral.jobs j CROSS JOIN LATERAL unnest(j.limits, j.costs) AS u(name, cost)
        WHERE j.state = 'running' AND j.limit_group IS NOT NULL
        UNION ALL {KEPT}
        UNION ALL SELECT u.name, 1 FROM corral.limit_leases l CROSS JOIN LATERAL unnest(l.names) AS u(name)
    ) r GROUP BY 1"""
# A key that is in use always has a row; one of its own hand deleted it.
COMPLETE = f"""
INSERT INTO corral.limit_keys (name, limit_name, key)
SELECT r.name, split_part(r.name, '=', 1), substr(r.name, strpos(r.name || '=', '=') + 1) FROM ({RUNS}) r
WHERE NOT EXISTS (SELECT FROM corral.limit_keys k WHERE k.name = r.name) ORDER BY r.name
ON CONFLICT DO NOTHING
"""
# Claims and ends of attempts hold these locks until they commit: behind them, what runs and what is noted agree.
LOCK = """
SELECT k.name FROM corral.limit_keys k WHERE k.name > %(after)s ORDER BY k.name LIMIT %(limit)s FOR NO KEY UPDATE
"""
RECOUNT = f"""
WITH runs AS MATERIALIZED ({RUNS}), wrong AS MATERIALIZED (
    SELECT k.name, k.in_use AS noted, coalesce(r.cost, 0) AS runs
    FROM corral.limit_keys k LEFT JOIN runs r ON r.name = k.name
    WHERE k.name = ANY(%(names)s::text[]) AND abs(k.in_use - coalesce(r.cost, 0)) > 1e-6
), mended AS (
    UPDATE corral.limit_keys k SET in_use = wrong.runs FROM wrong WHERE k.name = wrong.name
)
SELECT name, noted, runs FROM wrong ORDER BY name
"""
# Who went first after a wait ended without a word about it: a worker of the release before this one ended it.
UNPROBE = """
UPDATE corral.limit_keys k SET probe = NULL
WHERE k.name = ANY(%(names)s::text[]) AND k.probe IS NOT NULL
  AND NOT EXISTS (SELECT FROM corral.jobs j WHERE j.id = k.probe AND j.state = 'running')
"""

FORGET = f"""
WITH idle AS MATERIALIZED (
    SELECT k.name, k.refilled_at, k.taken_at[cardinality(k.taken_at)] AS taken_last FROM corral.limit_keys k
    WHERE k.in_use = 0 AND k.probe IS NULL AND k.holder IS NULL
      AND (k.parked_until IS NULL OR k.parked_until < now() - {PARKED_SECONDS} * interval '1 second')
    ORDER BY k.name LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), over AS (
    SELECT r.name FROM ({rooms("idle n")}) r
    WHERE greatest(r.refilled_at, r.taken_last) IS NULL
       OR greatest(r.refilled_at, r.taken_last) < now() - (coalesce(r.per, 0) + coalesce(r.deadline, 0) + {IDLE_SECONDS}) * interval '1 second'
)
DELETE FROM corral.limit_keys k USING over WHERE k.name = over.name
"""


class LimitDuties:
    """The statements of the leader's duty about limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def groups(
        self, cursor: GroupCursor | None = None, limit: int = 1000
    ) -> tuple[list[WaitingGroup], GroupCursor | None]:
        """Groups of which a job waits, and where to go on; None at the end. Suspects are a group of their own.

        Raises:
            Unavailable: Postgres is away.
        """
        start = cursor or START
        params = {"group": start.group, "suspect": start.suspect, "limit": limit}
        rows = await self._database.run(GROUPS, params, limits=DUTY)
        found = [
            WaitingGroup(group, lane_of(queue, Priority.read(priority), suspect=suspect))
            for group, suspect, queue, priority in rows
        ]
        return found, GroupCursor(*rows[-1][:2]) if len(rows) == limit else None

    async def with_room(self, names: Sequence[str]) -> dict[str, int]:
        """Those of these limits and keys that have room now, and how much of it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(OPEN, {"names": texts(names)}, limits=DUTY)
        return {name: max(1, room) for name, room in rows}

    async def opens_in(self, names: Sequence[str]) -> float | None:
        """Seconds until the first of these has room by itself, as rates and parked keys do; None where none does.

        Raises:
            Unavailable: Postgres is away.
        """
        if not names:
            return None
        rows = await self._database.run(OPENS, {"names": texts(names)}, limits=DUTY)
        return None if rows[0][0] is None else max(0.0, float(rows[0][0]))

    async def recount(
        self, term: Term, after: str = "", limit: int = 500
    ) -> tuple[list[Miscount], str | None]:
        """Compare what is noted as in use with what runs, and mend it; and where to go on, None at the end.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            if not after:
                await transaction.rows(COMPLETE)
            names = [row[0] for row in await transaction.rows(LOCK, {"after": after, "limit": limit})]
            wrong = await transaction.rows(RECOUNT, {"names": texts(names)})
            await transaction.count(UNPROBE, {"names": texts(names)})
        return [Miscount(*row) for row in wrong], names[-1] if len(names) == limit else None

    async def drop_holders(self, term: Term, limit: int = 1000) -> list[str]:
        """Give back slots held for life whose holders ended while they waited; the names of the keys.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            names = [row[0] for row in await transaction.rows(LOCK_HOLDERS, {"limit": limit})]
            rows = await transaction.rows(DROP_HOLDERS, {"names": texts(names)}) if names else []
        return [row[0] for row in rows]

    async def kept(self) -> dict[str, int]:
        """How many slots of each limit are kept by jobs that wait to be tried again.

        Raises:
            Unavailable: Postgres is away.
        """
        return {name: count for name, count in await self._database.run(KEPT_OF_LIMITS, limits=DUTY)}  # noqa: C416  # rows are untyped

    async def forget_idle(self, term: Term, limit: int = 1000) -> int:
        """Remove the rows of keys that nothing uses; how many.

        Raises:
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return await transaction.count(FORGET, {"limit": limit})
