"""API keys. Only their SHA-256 is stored; the key itself was shown once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import ReadOnlySqlTransaction

from corral.errors import NotFound, Unavailable
from corral.ids import new_id
from corral.store.access.audit import record
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored, without its hash."""

    id: UUID
    name: str
    role: str
    created_at: datetime
    created_by: str | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


COLUMNS = "id, name, role, created_at, created_by, last_used_at, revoked_at"
CREATE = f"""
INSERT INTO corral.api_keys (id, name, role, hash, created_by)
VALUES (%(id)s, %(name)s, %(role)s, %(hash)b, %(actor)s) RETURNING {COLUMNS}
"""
ADOPT = f"""
INSERT INTO corral.api_keys (id, name, role, hash, created_by)
VALUES (%(id)s, %(name)s, %(role)s, %(hash)b, %(actor)s) ON CONFLICT (hash) DO NOTHING RETURNING {COLUMNS}
"""
KNOWN = f"SELECT {COLUMNS} FROM corral.api_keys WHERE hash = %(hash)b"
REPLACE = """
UPDATE corral.api_keys SET revoked_at = now()
WHERE name = %(name)s AND id <> %(id)s AND revoked_at IS NULL RETURNING id
"""
# Through api_keys_hash. Use is noted at most once a minute, and never waited for.
FIND = f"""
WITH found AS (
    SELECT {COLUMNS} FROM corral.api_keys WHERE hash = %(hash)b AND revoked_at IS NULL
), stale AS (
    SELECT k.id FROM corral.api_keys k JOIN found USING (id)
    WHERE found.last_used_at IS NULL OR found.last_used_at < now() - interval '1 minute'
    FOR NO KEY UPDATE OF k SKIP LOCKED
), noted AS (
    UPDATE corral.api_keys k SET last_used_at = now() FROM stale WHERE k.id = stale.id
)
SELECT {COLUMNS} FROM found
"""
# Where Postgres takes no writes, for those who look.
FIND_ALONE = f"SELECT {COLUMNS} FROM corral.api_keys WHERE hash = %(hash)b AND revoked_at IS NULL"
LIST = f"SELECT {COLUMNS} FROM corral.api_keys ORDER BY created_at, id"
REVOKE = f"""
UPDATE corral.api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s RETURNING {COLUMNS}
"""


class ApiKeys:
    """Stores, finds and revokes API keys, by their hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, name: str, role: str, hash: bytes, actor: str) -> ApiKey:
        """Store the hash of a new key.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"id": new_id(), "name": name, "role": role, "hash": hash, "actor": actor}
        async with self._database.transaction(SHORT) as transaction:
            key = ApiKey(*(await transaction.rows(CREATE, params))[0])
            await record(
                transaction, actor, "create", kind="key", subjects=[str(key.id)], details={"name": name}
            )
        return key

    async def adopt(
        self, name: str, role: str, hash: bytes, actor: str, *, replace: bool
    ) -> tuple[ApiKey, bool, int]:
        """Store the hash of a key made elsewhere: what is stored, whether it is new, how many were replaced.

        Raises:
            Unavailable: Postgres is away.
        """
        params = {"id": new_id(), "name": name, "role": role, "hash": hash, "actor": actor}
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(ADOPT, params)
            new = bool(rows)
            key = ApiKey(*(rows or await transaction.rows(KNOWN, params))[0])
            if new:
                await record(
                    transaction, actor, "adopt", kind="key", subjects=[str(key.id)], details={"name": name}
                )
            replaced: Sequence[Row] = []
            if replace and key.revoked_at is None:
                replaced = await transaction.rows(REPLACE, {"name": name, "id": key.id})
            if replaced:
                await record(
                    transaction, actor, "revoke", kind="key", subjects=[str(row[0]) for row in replaced]
                )
        return key, new, len(replaced)

    async def find(self, hash: bytes) -> ApiKey | None:
        """The valid key of that hash.

        Raises:
            Unavailable: Postgres is away.
        """
        try:
            rows = await self._database.run(FIND, {"hash": hash})
        except Unavailable as error:
            if not isinstance(error.__cause__, ReadOnlySqlTransaction):
                raise
            rows = await self._database.run(FIND_ALONE, {"hash": hash})
        return ApiKey(*rows[0]) if rows else None

    async def list(self) -> Sequence[ApiKey]:
        """Every key, revoked ones included, oldest first.

        Raises:
            Unavailable: Postgres is away.
        """
        return [ApiKey(*row) for row in await self._database.run(LIST)]

    async def revoke(self, id: UUID, actor: str) -> ApiKey:
        """Revoke the key; may be repeated.

        Raises:
            NotFound: there is no such key.
            Unavailable: Postgres is away.
        """
        async with self._database.transaction(SHORT) as transaction:
            rows = await transaction.rows(REVOKE, {"id": id})
            if not rows:
                raise NotFound("key", id)
            await record(transaction, actor, "revoke", kind="key", subjects=[str(id)])
        return ApiKey(*rows[0])
