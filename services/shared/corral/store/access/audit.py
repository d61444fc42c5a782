"""What people did: written in the transaction of the deed itself, or before it where it has none of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.ids import new_id
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import array, texts

RECORD = """
INSERT INTO corral.audit (id, actor, action, kind, subject, details)
SELECT i.id, %(actor)s, %(action)s, %(kind)s, i.subject, %(details)s::jsonb
FROM unnest(%(ids)s::uuid[], %(subjects)s::text[]) AS i(id, subject)
"""
PAGE = """
SELECT id, at, actor, action, kind, subject, details FROM corral.audit
WHERE id < %(before)s ORDER BY id DESC LIMIT %(limit)s
"""
# Through audit_subject.
PAGE_OF = """
SELECT id, at, actor, action, kind, subject, details FROM corral.audit
WHERE kind = %(kind)s AND subject = %(subject)s AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s
"""
# From the oldest on, by primary key: ids are in order of time.
FORGET = """
WITH oldest AS MATERIALIZED (
    SELECT o.id, o.at FROM corral.audit o ORDER BY o.id LIMIT %(limit)s
)
DELETE FROM corral.audit a USING oldest
WHERE a.id = oldest.id AND oldest.at < now() - %(days)s * interval '1 day'
RETURNING a.id
"""
LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit: who did what to what."""

    id: UUID
    at: datetime
    actor: str
    action: str
    kind: str
    """What sort of thing: job, queue, worker, key, load."""
    subject: str
    details: Mapping[str, Any]


async def record(
    transaction: Transaction,
    actor: str,
    action: str,
    *,
    kind: str,
    subjects: Sequence[str],
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write one entry per subject, as part of `transaction`."""
    if subjects:
        params = {
            "actor": actor,
            "action": action,
            "kind": kind,
            "details": encode(dict(details or {})),
            "ids": array(new_id() for _ in subjects),
            "subjects": texts(subjects),
        }
        await transaction.count(RECORD, params)


class Audit:
    """Writes and reads the audit: which person or key did what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, actor: str, action: str, *, kind: str, subject: str, details: Mapping[str, Any]
    ) -> None:
        """Write one entry in a transaction of its own.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            await record(transaction, actor, action, kind=kind, subjects=[subject], details=details)

    async def page(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[AuditEntry]:
        """Entries, newest first, older than the entry `before`; of one thing when kind and subject are given.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"kind": kind, "subject": subject, "before": before or LAST, "limit": limit}
        statement = PAGE if kind is None or subject is None else PAGE_OF
        return [AuditEntry(*row) for row in await self._database.run(statement, params)]

    async def forget(self, term: Term, days: int, limit: int) -> int:
        """Remove entries older than so many days, at most `limit`; how many. Fewer: there are no more.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return len(await transaction.rows(FORGET, {"days": days, "limit": limit}))
