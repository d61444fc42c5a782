"""Limits as rows: what code declared, what operators set over it, and who holds what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.catalog.record import Declaration, to_be_stored
from corral.errors import NotFound
from corral.job.limit_use import name_of
from corral.store.limits.holds import OF_NAMES
from corral.store.limits.settings import PAUSE_REASON, SAID, SET_KEYS, LimitChange, SetKeys, write_change
from corral.store.limits.states import WAITS
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database, Transaction
from corral.store.postgres.json_text import encode
from corral.store.postgres.sql_params import texts
from corral.store.registry.queues import BETWEEN_CLAIMS

HOLDERS_SHOWN = 10
"""Jobs that are named for each key: the oldest holders."""


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """A limit as stored."""

    name: str
    declared: Mapping[str, Any]
    """What code says (`Limit.values`, `Rate.values`)."""
    version: str
    declared_at: datetime
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What an operator set over it, for the whole limit."""
    paused_at: datetime | None = None
    set_by: str | None = None
    """Who last set values, why, and when; who paused it, where none are set; None: what code says is in force."""
    reason: str | None = None
    set_at: datetime | None = None
    paused_by: str | None = None
    paused_reason: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values in force for the whole limit."""
        return {**self.declared, **self.overrides}


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """How much of a limit, or of one of its keys, is in use, and how many jobs wait for it."""

    in_use: float = 0.0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A running job, or a `program` by its name, that holds a part of a limit."""

    job: UUID | None
    type: str | None
    worker: str | None
    """The name of its worker."""
    since: datetime | None
    cost: float
    program: str | None = None


@dataclass(frozen=True, slots=True)
class LimitKey:
    """One key of a limit, or, with the empty key, its total."""

    key: str
    usage: LimitUsage
    overrides: Mapping[str, Any]
    paused_at: datetime | None
    set_by: str | None
    reason: str | None
    set_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    parked_until: datetime | None
    """Until when a provider asked to wait. In the past: one job goes first, and nobody else before its success."""
    parked_by: UUID | None = None
    """The job that was told so."""
    parked_reason: str | None = None
    probe: UUID | None = None
    """The job that goes first."""
    holders: Sequence[KeyHolder] = ()
    """The oldest of them."""


LIMIT = f"""
SELECT l.name, l.declared, l.version, l.declared_at, coalesce(o.overrides, '{{}}'::jsonb), {SAID}
FROM corral.limits l LEFT JOIN corral.limit_overrides o ON o.limit_name = l.name AND o.key = ''
"""
ALL = f"{LIMIT} ORDER BY l.name"
ONE = f"{LIMIT} WHERE l.name = %(name)s"
ALONE = "SELECT pg_advisory_xact_lock(%(key)s)"
ALONE_KEY = 0x4C494D495453  # "LIMITS": one registration at a time
VERSIONS = "SELECT name, version FROM corral.limits WHERE name = ANY(%(names)s::text[])"
PUT = """
INSERT INTO corral.limits AS l (name, declared, version) VALUES (%(name)s, %(declared)s::jsonb, %(version)s)
ON CONFLICT (name) DO UPDATE SET declared = excluded.declared, version = excluded.version, declared_at = now(),
    stale = l.stale OR l.declared->'by' IS DISTINCT FROM excluded.declared->'by'
                    OR l.declared->'cost' IS DISTINCT FROM excluded.declared->'cost'
                    OR l.declared ? 'total' IS DISTINCT FROM excluded.declared ? 'total'
"""
# All jobs of a group take of the same names: one of each tells which. The count reads jobs_limited alone.
WAITING = f"""
waiting AS MATERIALIZED (
    SELECT u.name, sum(g.n)::int8 AS n
    FROM (
        SELECT j.limit_group, count(*) AS n, min(j.id::text)::uuid AS one
        FROM corral.jobs j WHERE {WAITS} GROUP BY 1
    ) g
    JOIN corral.jobs j ON j.id = g.one CROSS JOIN LATERAL unnest(j.limits) AS u(name)
    GROUP BY 1
)"""
USAGE = f"""
WITH {WAITING}, named AS (
    SELECT split_part(w.name, '=', 1) AS limit_name, max(w.n) FILTER (WHERE strpos(w.name, '=') = 0) AS total,
           sum(w.n) FILTER (WHERE strpos(w.name, '=') > 0) AS of_keys
    FROM waiting w GROUP BY 1
), used AS (
    SELECT k.limit_name, max(k.in_use) FILTER (WHERE k.key = '') AS total,
           sum(k.in_use) FILTER (WHERE k.key <> '') AS of_keys
    FROM corral.limit_keys k GROUP BY 1
)
SELECT l.name, coalesce(u.total, u.of_keys, 0), coalesce(n.total, n.of_keys, 0)::int8
FROM corral.limits l LEFT JOIN named n ON n.limit_name = l.name LEFT JOIN used u ON u.limit_name = l.name
"""
KEYS = f"""
WITH {WAITING}, known AS (
    SELECT k.key FROM corral.limit_keys k WHERE k.limit_name = %(name)s
    UNION SELECT o.key FROM corral.limit_overrides o WHERE o.limit_name = %(name)s AND o.key <> ''
    UNION SELECT substr(w.name, strpos(w.name || '=', '=') + 1) FROM waiting w
          WHERE split_part(w.name, '=', 1) = %(name)s
), page AS (
    SELECT n.key FROM known n
    WHERE (NOT %(only_set)s::bool OR EXISTS (
        SELECT FROM corral.limit_overrides o WHERE o.limit_name = %(name)s AND o.key = n.key
    )) AND CASE WHEN %(key)s::text IS NULL THEN n.key COLLATE "C" > %(after)s::text ELSE n.key = %(key)s::text END
    ORDER BY n.key COLLATE "C" LIMIT %(limit)s
)
SELECT p.key, coalesce(k.in_use, 0), coalesce(w.n, 0)::int8, coalesce(o.overrides, '{{}}'::jsonb), {SAID},
       k.parked_until, k.parked_by, k.parked_reason, k.probe
FROM page p CROSS JOIN LATERAL (
    SELECT CASE WHEN p.key = '' THEN %(name)s::text ELSE %(name)s::text || '=' || p.key END AS name OFFSET 0
) n
LEFT JOIN corral.limit_keys k ON k.name = n.name LEFT JOIN waiting w ON w.name = n.name
LEFT JOIN corral.limit_overrides o ON o.limit_name = %(name)s AND o.key = p.key
ORDER BY p.key COLLATE "C"
"""


class LimitRows:
    """Limits that code declared, with what operators set over them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def register(self, declarations: Sequence[Declaration]) -> list[str]:
        """Store declared limits; never replaces a newer declaration, and touches no override. The names that were written.

        Raises:
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            return await register(transaction, declarations)

    async def all(self) -> list[StoredLimit]:
        """Every limit, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        return [StoredLimit(*row) for row in await self._database.run(ALL)]

    async def get(self, name: str) -> StoredLimit | None:
        """The limit of that name.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(ONE, {"name": name})
        return StoredLimit(*rows[0]) if rows else None

    async def usage(self) -> dict[str, LimitUsage]:
        """How much of each limit is in use and how many jobs wait for it, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        return {name: LimitUsage(*row) for name, *row in await self._database.run(USAGE)}

    async def keys(
        self,
        name: str,
        *,
        after: str = "",
        key: str | None = None,
        limit: int = 50,
        only_set: bool = False,
    ) -> list[LimitKey]:
        """A page of what is known of a limit's keys, in order, behind the key `after`; or one `key`, empty for its total.

        `only_set`: those alone for which an operator set something or which are paused.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"name": name, "after": after, "key": key, "limit": limit, "only_set": only_set}
        rows = await self._database.run(KEYS, params)
        names = [name_of(name, row[0]) for row in rows]
        held = await self._database.run(OF_NAMES, {"names": texts(names), "most": HOLDERS_SHOWN})
        holders: dict[str, list[KeyHolder]] = {}
        for held_name, *holder in held:
            holders.setdefault(held_name, []).append(KeyHolder(*holder))
        return [_key(row, holders.get(one, [])) for row, one in zip(rows, names, strict=True)]

    async def change(
        self, name: str, key: str, change: LimitChange, actor: str, reason: str | None
    ) -> StoredLimit:
        """Change what is set for a limit, or for one of its keys; in force for every later claim.

        Raises:
            NotFound: there is no such limit.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            await transaction.rows(BETWEEN_CLAIMS)
            if not await transaction.rows(ONE, {"name": name}):
                raise NotFound("limit", name)
            await write_change(transaction, name, key, change, actor=actor, reason=reason)
            rows = await transaction.rows(ONE, {"name": name})
        return StoredLimit(*rows[0])

    async def pause_reason(self, name: str, key: str) -> str | None:
        """Why this key of a limit is paused, or, if it is not, the whole limit, in the words of whoever paused it.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(PAUSE_REASON, {"name": name, "key": key})
        return str(rows[0][0]) if rows else None

    async def set_keys(self, name: str) -> SetKeys:
        """How many keys of a limit have values of their own, and how many are paused.

        Raises:
            Unavailable: Postgres is away.
        """
        return SetKeys(*(await self._database.run(SET_KEYS, {"name": name}))[0])


async def register(transaction: Transaction, declarations: Sequence[Declaration]) -> list[str]:
    """Store declared limits in a transaction under way, as `LimitRows.register` does."""
    await transaction.rows(ALONE, {"key": ALONE_KEY})
    rows = await transaction.rows(VERSIONS, {"names": texts(one.name for one in declarations)})
    fresh = to_be_stored(declarations, rows)
    for one in fresh:
        await transaction.count(
            PUT, {"name": one.name, "declared": encode(dict(one.values)), "version": one.version}
        )
    return [one.name for one in fresh]


def _key(row: Row, holders: Sequence[KeyHolder]) -> LimitKey:
    key, in_use, waiting, *said = row
    return replace(LimitKey(key, LimitUsage(in_use, waiting), *said), holders=tuple(holders))
