"""Uploads: artifacts that no job made. Kept for a time, and longer while a job is there that names them (rule 18)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from corral.errors import Conflict
from corral.ids import new_id
from corral.store.artifacts.artifacts import Artifact, StoredArtifacts
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.connections import Row
from corral.store.postgres.database import Database

FIELD = "upload"
"""The searchable field of a payload that names an upload: it is kept as long as such a job is there."""
WRITING_SECONDS = 3600.0
"""An upload that is not complete by then is removed: its sender was lost."""
USED_SECONDS = 3600.0
"""So long after it was found in use, an upload is looked at again."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody sent."""

    id: UUID
    name: str
    media_type: str
    """Of its content, whatever its sender says."""
    size: int
    """Bytes."""
    sha256: bytes
    keeper: str
    location: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    """From then on it is removed, unless a job names it."""

    @property
    def artifact(self) -> Artifact:
        """The file, to be read as any other."""
        return Artifact(
            self.id,
            self.id,
            0,
            self.name,
            self.media_type,
            self.size,
            self.sha256,
            self.keeper,
            self.location,
            None,
        )


# Published from its first byte on: the sweep takes what is unpublished and of no running attempt.
BEGIN = """
WITH begun AS (
    INSERT INTO corral.uploads (id, created_by, expires_at)
    VALUES (%(id)s, %(created_by)s, now() + %(writing)s * interval '1 second')
)
INSERT INTO corral.artifacts (id, attempt, name, media_type, keeper, location, published_at)
VALUES (%(id)s, 0, %(name)s, %(media_type)s, %(keeper)s, %(location)s, now())
"""
COLUMNS = """a.id, a.name, a.media_type, a.size, a.sha256, a.keeper, a.location, u.created_by, u.created_at, u.expires_at"""
COMPLETE = f"""
WITH u AS (
    UPDATE corral.uploads SET expires_at = now() + %(seconds)s * interval '1 second' WHERE id = %(id)s
    RETURNING id, created_by, created_at, expires_at
)
UPDATE corral.artifacts a SET size = %(size)s, sha256 = %(sha256)s FROM u WHERE a.id = u.id
RETURNING {COLUMNS}
"""
FIND = f"""
SELECT {COLUMNS} FROM corral.uploads u JOIN corral.artifacts a ON a.id = u.id
WHERE u.id = %(id)s AND a.size IS NOT NULL
"""
# What is withdrawn here is unpublished and of no job: the sweep of artifacts removes its content, then its row.
WITHDRAW = """
WITH gone AS (DELETE FROM corral.uploads WHERE id = %(id)s)
UPDATE corral.artifacts SET published_at = NULL, size = NULL WHERE id = %(id)s AND job IS NULL
"""
# Whether a job names it is asked through jobs_search, for each upload that is over. One in use is looked at again later.
EXPIRE = f"""
WITH over AS MATERIALIZED (
    SELECT u.id FROM corral.uploads u WHERE u.expires_at < now()
    ORDER BY u.expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), used AS MATERIALIZED (
    SELECT o.id FROM over o WHERE EXISTS (
        SELECT 1 FROM corral.jobs j WHERE j.search @> jsonb_build_object('{FIELD}', o.id::text))
), kept AS (
    UPDATE corral.uploads u SET expires_at = now() + %(used)s * interval '1 second'
    FROM used WHERE u.id = used.id
), gone AS (
    DELETE FROM corral.uploads u USING over
    WHERE u.id = over.id AND NOT EXISTS (SELECT 1 FROM used WHERE used.id = over.id) RETURNING u.id
)
UPDATE corral.artifacts a SET published_at = NULL, size = NULL FROM gone WHERE a.id = gone.id RETURNING a.id
"""


class Uploads:
    """Takes, finds and expires uploads."""

    def __init__(self, database: Database, artifacts: StoredArtifacts) -> None:
        self._database = database
        self._artifacts = artifacts

    async def take(
        self, name: str, media_type: str, content: AsyncIterator[bytes], *, created_by: str, seconds: float
    ) -> Upload:
        """Store a file as it arrives, for `seconds` once it is whole. What `content` raises leaves nothing.

        Raises:
            Conflict: it took so long that it was removed.
            Unavailable: Postgres or the place of artifacts is away.
            InvalidInput: Postgres can't hold the name.
        """
        id = new_id()
        params: dict[str, object] = {
            "id": id,
            "created_by": created_by,
            "name": name,
            "media_type": media_type,
            "keeper": self._artifacts.keeper,
            "location": f"uploads/{str(id)[:8]}/{id}",
            "writing": WRITING_SECONDS,
            "seconds": seconds,
        }
        await self._database.run(BEGIN, params)
        try:
            size, sha256 = await self._artifacts.write(str(params["location"]), content)
        except BaseException:
            await self._database.run(WITHDRAW, {"id": id})
            raise
        rows = await self._database.run(COMPLETE, {**params, "size": size, "sha256": sha256})
        if not rows:
            await self._artifacts.discard(str(params["location"]))
            raise Conflict(f"upload {id} took longer than {WRITING_SECONDS:,.0f} s and was removed")
        return _upload(rows[0])

    async def find(self, id: UUID) -> Upload | None:
        """The upload, whole and not expired.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(FIND, {"id": id})
        return _upload(rows[0]) if rows else None

    async def read(self, upload: Upload) -> bytes:
        """Its whole content.

        Raises:
            NotFound: it was removed meanwhile.
            Unavailable: Postgres or the place of artifacts is away.
        """
        return b"".join([piece async for piece in self._artifacts.read(upload.artifact)])

    async def expire(self, term: Term, limit: int = 500) -> int:
        """Give up uploads that are over and that no job names; how many. Their content is swept with other artifacts.

        Raises:
            LeaseLost: nothing was given up.
            Unavailable: Postgres is away.
        """
        async with as_leader(self._database, term) as transaction:
            return len(await transaction.rows(EXPIRE, {"limit": limit, "used": USED_SECONDS}))


def _upload(row: Row) -> Upload:
    id, name, media_type, size, sha256, keeper, location, created_by, created_at, expires_at = row
    return Upload(
        id, name, media_type, size, bytes(sha256), keeper, location, created_by, created_at, expires_at
    )
