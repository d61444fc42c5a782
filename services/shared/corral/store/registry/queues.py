"""Queues: paused or not, what an operator set for them, and clearing what has ended in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.catalog.precedence import QueueOverrides
from corral.errors import NotFound
from corral.job.mail_hold import HOLDER
from corral.job.state import State
from corral.store.access.audit import record
from corral.store.leader.finished_jobs import PAIRS, REMOVED, TOO_YOUNG
from corral.store.postgres.database import DUTY, SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """A queue as stored."""

    name: str
    paused_at: datetime | None
    paused_by: str | None
    overrides: Mapping[str, Any]
    """What an operator set in place of its job types' options."""
    defaults: Mapping[str, Any]
    """What an operator set where its job types say nothing."""
    created_at: datetime
    declared: Mapping[str, Any] = field(default_factory=dict)
    """What code declares where its job types say nothing."""

    @property
    def options(self) -> QueueOverrides:
        """The options that an operator set for the queue, and those that code declares."""
        return QueueOverrides(self.overrides, self.defaults, self.declared)

    @property
    def paused(self) -> bool:
        """Whether the queue is paused: no job of it is claimed."""
        return self.paused_at is not None


COLUMNS = "name, paused_at, paused_by, overrides, defaults, created_at, declared"
ALL = f"SELECT {COLUMNS} FROM corral.queues ORDER BY name"
ONE = f"SELECT {COLUMNS} FROM corral.queues WHERE name = %(name)s"
NAME = "INSERT INTO corral.queues (name) SELECT unnest(%(names)s::text[]) ON CONFLICT DO NOTHING"
# Waits for the claims that are under way; later ones wait for the pause and see it. See CLAIM (rule 10).
BETWEEN_CLAIMS = "LOCK TABLE corral.workers IN EXCLUSIVE MODE"
PAUSE = f"""
UPDATE corral.queues SET paused_at = coalesce(paused_at, now()),
       paused_by = CASE WHEN paused_by = %(holder)s THEN %(actor)s ELSE coalesce(paused_by, %(actor)s) END,
       updated_at = now()
WHERE name = %(name)s RETURNING {COLUMNS}
"""
RESUME = f"""
UPDATE corral.queues SET paused_at = NULL, paused_by = NULL, updated_at = now()
WHERE name = %(name)s RETURNING {COLUMNS}
"""
LIFT = """
UPDATE corral.queues SET paused_at = NULL, paused_by = NULL, updated_at = now()
WHERE name = %(name)s AND paused_by = %(holder)s RETURNING name
"""
# A value of null takes what was set back.
PATCH = f"""
UPDATE corral.queues SET overrides = jsonb_strip_nulls(overrides || %(overrides)s::jsonb),
       defaults = jsonb_strip_nulls(defaults || %(defaults)s::jsonb), updated_at = now()
WHERE name = %(name)s RETURNING {COLUMNS}
"""
# Through jobs_history, a type at a time; what is locked is met again by the next call.
CLEAN = f"""{PAIRS}, gone AS MATERIALIZED (
    SELECT old.id FROM pairs p CROSS JOIN unnest(%(states)s::text[]) AS s(state) CROSS JOIN LATERAL (
        SELECT j.id FROM corral.jobs j
        WHERE j.queue = p.queue AND j.type = p.type AND j.state = s.state
          AND j.state IN ('completed', 'failed', 'cancelled')
          AND j.finished_at <= now() - %(seconds)s * interval '1 second'
          AND j.id < {TOO_YOUNG}
        ORDER BY j.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) old WHERE p.queue = %(name)s LIMIT %(limit)s
), {REMOVED}
SELECT id FROM removed
"""


class Queues:
    """Queues as rows: every queue that a job type or a job has named."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self) -> Sequence[StoredQueue]:
        """All, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        return [StoredQueue(*row) for row in await self._database.run(ALL)]

    async def get(self, name: str) -> StoredQueue | None:
        """The queue of that name.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"name": name})
        return StoredQueue(*rows[0]) if rows else None

    async def name(self, names: Sequence[str]) -> None:
        """Store queues of these names, unless they are known.

        Raises:
            Unavailable: Postgres is away.
        """
        await self._database.run(NAME, {"names": texts(names)})

    async def pause(self, name: str, actor: str) -> StoredQueue:
        """Pause the queue: no job of it is claimed after this returns, until it is resumed.

        Raises:
            NotFound: there is no such queue.
            Unavailable: Postgres is away.
        """
        return await self._change(name, actor, "pause", PAUSE, {})

    async def resume(self, name: str, actor: str) -> StoredQueue:
        """Resume the queue: its jobs are claimed again.

        Raises:
            NotFound: there is no such queue.
            Unavailable: Postgres is away.
        """
        return await self._change(name, actor, "resume", RESUME, {})

    async def lift(self, name: str, holder: str) -> bool:
        """Resume the queue if it is paused in this name, which is no person's; whether it was.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            lifted = bool(await transaction.rows(LIFT, {"name": name, "holder": holder}))
            if lifted:
                await record(transaction, holder, "resume", kind="queue", subjects=[name])
        return lifted

    async def patch(
        self,
        name: str,
        overrides: Mapping[str, Any],
        actor: str,
        *,
        defaults: Mapping[str, Any] | None = None,
    ) -> StoredQueue:
        """Set an operator's overrides and defaults; None takes one back.

        Raises:
            NotFound: there is no such queue.
            Unavailable: Postgres is away.
        """
        details = {"overrides": overrides} if overrides else {}
        if defaults:
            details |= {"defaults": defaults}
        return await self._change(name, actor, "patch", PATCH, details)

    async def clean(
        self, name: str, states: Sequence[State], older_than: float, actor: str, *, limit: int = 5000
    ) -> Sequence[UUID]:
        """Remove ended jobs of these states that ended at least `older_than` seconds ago, at most `limit`.

        Their artifacts are swept later.

        Raises:
            NotFound: there is no such queue.
            Unavailable: Postgres is away.
        """
        ended = [state.value for state in states if state.terminal]
        async with self._database.transaction(DUTY) as transaction:
            await _known(transaction, name)
            params = {"name": name, "states": texts(ended), "seconds": older_than, "limit": limit}
            rows = await transaction.rows(CLEAN, params)
            details = {"states": ended, "older_than": older_than, "removed": len(rows)}
            await record(transaction, actor, "clean", kind="queue", subjects=[name], details=details)
        return [row[0] for row in rows]

    async def _change(
        self, name: str, actor: str, action: str, statement: str, details: Mapping[str, Any]
    ) -> StoredQueue:
        async with self._database.transaction(SHORT) as transaction:
            if statement is PAUSE:
                await transaction.rows(BETWEEN_CLAIMS)
            changes = {part: encode(dict(details.get(part, {}))) for part in ("overrides", "defaults")}
            params = {"name": name, "actor": actor, "holder": HOLDER, **changes}
            rows = await transaction.rows(statement, params)
            if not rows:
                raise NotFound("queue", name)
            await record(transaction, actor, action, kind="queue", subjects=[name], details=details)
        return StoredQueue(*rows[0])


async def _known(transaction: Transaction, name: str) -> None:
    if not await transaction.rows(ONE, {"name": name}):
        raise NotFound("queue", name)
