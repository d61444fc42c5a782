"""What was decided about pools: copied here by the leader, kept for a while, read newest first."""

from collections.abc import Sequence
from uuid import UUID

from corral.scaling.decision_record import ScalingDecision
from corral.storable import printable
from corral.store.jobs.list import LAST, Page
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database
from corral.store.postgres.json_text import encode

KEPT_DAYS = 30
KEPT_ROWS = 100_000
MAX_TEXT = 1000
"""Characters of a reason."""

ADD = """
INSERT INTO corral.scaling_decisions (id, pool, at, before, after, needed, ready, reason, conditions,
                                      backlog_jobs, backlog_seconds, oldest_seconds)
SELECT d.id, d.pool, to_timestamp(d.at), d.before, d.after, d.needed, d.ready, d.reason, d.conditions,
       d.backlog_jobs, d.backlog_seconds, d.oldest_seconds
FROM jsonb_to_recordset(%(decisions)s::jsonb) AS d(
    id uuid, pool text, at float8, before int4, after int4, needed int4, ready int4, reason text,
    conditions text[], backlog_jobs int8, backlog_seconds float8, oldest_seconds float8)
ON CONFLICT (id) DO NOTHING
RETURNING id
"""
# Through scaling_decisions_pool.
PAGE = """
SELECT id, pool, date_part('epoch', at), before, after, needed, ready, reason, conditions,
       backlog_jobs, backlog_seconds, oldest_seconds
FROM corral.scaling_decisions WHERE pool = %(pool)s AND id < %(before)s ORDER BY id DESC LIMIT %(rows)s
"""
# Ids are in order of time: what is too old, and what is too much, lies at the left edge of the primary key.
FORGET = """
WITH oldest AS MATERIALIZED (
    SELECT o.id, o.at FROM corral.scaling_decisions o ORDER BY o.id LIMIT %(limit)s
), last AS MATERIALIZED (
    SELECT o.id FROM corral.scaling_decisions o ORDER BY o.id DESC OFFSET %(keep)s LIMIT 1
)
DELETE FROM corral.scaling_decisions d WHERE d.id IN (
    SELECT o.id FROM oldest o
    WHERE o.at < now() - %(days)s * interval '1 day' OR o.id <= (SELECT last.id FROM last))
RETURNING d.id
"""


class Scaling:
    """Stored decisions of the autoscaler."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, decisions: Sequence[ScalingDecision], term: Term) -> int:
        """Keep decisions; those that are kept already change nothing. How many were new.

        Raises:
            InvalidInput: one holds a number that Postgres can't; none was kept.
            LeaseLost: nothing was written.
            Unavailable: Postgres is away.
        """
        if not decisions:
            return 0
        async with as_leader(self._database, term) as transaction:
            return len(await transaction.rows(ADD, {"decisions": encode([_shown(one) for one in decisions])}))

    async def page(self, pool: str, *, cursor: UUID | None = None, limit: int = 50) -> Page[ScalingDecision]:
        """Decisions about a pool that were made before the one that the cursor names, newest first.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"pool": pool, "before": cursor or LAST, "rows": limit + 1}
        found = [_decision(row) for row in await self._database.run(PAGE, params)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def forget(self, term: Term, limit: int = 2_000, keep: int = KEPT_ROWS) -> int:
        """Remove decisions older than `KEPT_DAYS` or beyond the newest `keep`, at most `limit`; how many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            params = {"days": KEPT_DAYS, "keep": keep, "limit": limit}
            return len(await transaction.rows(FORGET, params))


def _shown(decision: ScalingDecision) -> dict[str, object]:
    return decision.json() | {
        "pool": printable(decision.pool, MAX_TEXT),
        "reason": printable(decision.reason, MAX_TEXT),
        "conditions": [printable(condition, MAX_TEXT) for condition in decision.conditions],
    }


def _decision(row: Row) -> ScalingDecision:
    id, pool, at, before, after, needed, ready, reason, conditions, jobs, seconds, oldest = row
    return ScalingDecision(
        id=id,
        pool=pool,
        at=at,
        before=before,
        after=after,
        needed=needed,
        ready=ready,
        reason=reason,
        conditions=tuple(conditions),
        backlog_jobs=jobs,
        backlog_seconds=seconds,
        oldest_seconds=oldest,
    )
