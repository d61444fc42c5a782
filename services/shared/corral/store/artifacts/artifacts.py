"""Files that jobs leave: written invisibly, published under the fence, swept when nobody owns them (rule 18)."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from corral.errors import Conflict, Unavailable
from corral.ids import new_id
from corral.job.state import State
from corral.store.artifacts.rows import publishing
from corral.store.artifacts.storage import CHUNK_BYTES, ArtifactStorage
from corral.store.leader.leases import Term, as_leader
from corral.store.postgres.connections import Row
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.sql_params import array, texts

STRAYS_PER_SWEEP = 2_000
"""Files that one sweep looks at, of all there are, for those without a row."""
UNKNOWN = {
    "filesystem": "set CORRAL_ARTIFACT_DIR to the folder that it was written to",
    "s3": "set CORRAL_ARTIFACT_BUCKET to the bucket that it was written to",
}
"""What to do where this process does not know the place of a file."""

Content = bytes | Path | AsyncIterator[bytes]
"""What an artifact is made of; pieces of any size."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored file of a job."""

    id: UUID
    job: UUID
    attempt: int
    name: str
    media_type: str
    size: int
    """Bytes."""
    sha256: bytes
    keeper: str
    location: str
    published_at: datetime | None


# Only an attempt that is its job's own begins one; an unpublished one of the same name steps back.
BEGIN = """
WITH mine AS (
    SELECT j.id FROM corral.jobs j WHERE j.id = %(job)s AND j.attempt = %(attempt)s AND j.state = 'running'
)
INSERT INTO corral.artifacts (id, job, attempt, name, media_type, keeper, location)
SELECT %(id)s, mine.id, %(attempt)s, %(name)s, %(media_type)s, %(keeper)s, %(location)s FROM mine
RETURNING id
"""
COMPLETE = """
WITH earlier AS (
    UPDATE corral.artifacts a SET size = NULL
    WHERE a.job = %(job)s AND a.attempt = %(attempt)s AND a.name = %(name)s AND a.id <> %(id)s
      AND a.published_at IS NULL
)
UPDATE corral.artifacts SET size = %(size)s, sha256 = %(sha256)s WHERE id = %(id)s RETURNING id
"""
COLUMNS = "id, job, attempt, name, media_type, size, sha256, keeper, location, published_at"
LIST = (
    f"SELECT {COLUMNS} FROM corral.artifacts WHERE job = %(job)s AND published_at IS NOT NULL ORDER BY name"
)
FIND = f"SELECT {COLUMNS} FROM corral.artifacts WHERE job = %(job)s AND name = %(name)s AND published_at IS NOT NULL"
# What no running attempt owns and nobody may see; through artifacts_unpublished, as removing a job takes its files
# back (a trigger does). A published one of a job that was retried stays: the later attempt may look for it.
ORPHANS = """
SELECT a.id, a.location FROM corral.artifacts a LEFT JOIN corral.jobs j ON j.id = a.job
WHERE a.published_at IS NULL AND a.keeper = %(keeper)s
  AND (j.id IS NULL OR j.state <> 'running' OR j.attempt <> a.attempt)
LIMIT %(limit)s
"""
# Waits for a chunk that is being written, then takes it along: no later one finds the row.
FORGET = "DELETE FROM corral.artifacts WHERE id = ANY(%(ids)s::uuid[]) RETURNING id"
FORGET_CHUNKS = "DELETE FROM corral.artifact_chunks WHERE artifact = ANY(%(ids)s::uuid[])"
KNOWN = "SELECT location FROM corral.artifacts WHERE location = ANY(%(locations)s::text[])"


class StoredArtifacts:
    """Stores, lists, reads and removes the files of jobs.

    New files go to the storage `into`; files are read from any of `keepers` and removed there.
    """

    def __init__(
        self, database: Database, into: ArtifactStorage, keepers: Iterable[ArtifactStorage] = ()
    ) -> None:
        self._database = database
        self._into = into
        self._keepers = {into.name: into} | {keeper.name: keeper for keeper in keepers}

    async def put(self, job: UUID, attempt: int, name: str, media_type: str, content: Content) -> UUID:
        """Store a file of an attempt, whole; nobody sees it before it is published. Its id, for `finish`.

        Raises:
            Conflict: the attempt no longer holds the job.
            Unavailable: Postgres or the place of artifacts is away.
            InvalidInput: Postgres can't hold the name or media type.
        """
        artifact = new_id()
        params = {
            "id": artifact,
            "job": job,
            "attempt": attempt,
            "name": name,
            "media_type": media_type,
            "keeper": self._into.name,
            "location": f"{job}/{attempt}/{artifact}",
        }
        if not await self._database.hot(BEGIN, params):
            raise Conflict(f"attempt {attempt} no longer holds job {job}")
        size, sha256 = await self.write(f"{job}/{attempt}/{artifact}", content)
        params |= {"size": size, "sha256": sha256}
        if not await self._database.run(COMPLETE, params):
            await self.discard(f"{job}/{attempt}/{artifact}")
            raise Conflict(f"attempt {attempt} no longer holds job {job}")
        return artifact

    @property
    def keeper(self) -> str:
        """The name of the storage that new files go to."""
        return self._into.name

    async def write(self, location: str, content: Content) -> tuple[int, bytes]:
        """Store the content of an artifact whose row is there; its size and SHA-256.

        Raises:
            Conflict: the artifact was swept meanwhile.
            Unavailable: Postgres or the place of artifacts is away.
        """
        measured = _Measured()
        await self._into.write(location, measured.chunks(content))
        return measured.size, measured.hash.digest()

    async def discard(self, location: str) -> None:
        """Remove content that was written after its row was swept; where that fails, the sweep finds it a day later."""
        with suppress(Unavailable):
            await self._into.remove([location])

    async def try_out(self) -> None:
        """Ask whether new files can be stored.

        Raises:
            Unavailable: their place is away, or does not let this process in.
        """
        await self._into.try_out()

    def close(self) -> None:
        """Close what the places of artifacts have open."""
        for keeper in self._keepers.values():
            keeper.close()

    async def publish(self, job: UUID, attempt: int, artifacts: Iterable[UUID]) -> bool:
        """Show files before the attempt ends, later attempts included; whether it still holds the job.

        Raises:
            Unavailable: Postgres is away.
        """
        ids = list(artifacts)
        results = await self._database.together(
            (HOLD, {"job": job, "attempt": attempt}), *publishing(ids, State.RUNNING), limits=SHORT
        )
        return bool(results[0])

    async def list(self, job: UUID) -> Sequence[Artifact]:
        """The job's published files, by name.

        Raises:
            Unavailable: Postgres is away.
        """
        return [_artifact(row) for row in await self._database.run(LIST, {"job": job})]

    async def find(self, job: UUID, name: str) -> Artifact | None:
        """The published file of that name.

        Raises:
            Unavailable: Postgres is away.
        """
        rows = await self._database.run(FIND, {"job": job, "name": name})
        return _artifact(rows[0]) if rows else None

    def read(self, artifact: Artifact, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes from `start` up to and without `end`, in pieces of at most CHUNK_BYTES.

        Raises:
            NotFound: it was removed meanwhile.
            Unavailable: Postgres or the place of artifacts is away, or this process does not know the place.
        """
        keeper = self._keepers.get(artifact.keeper)
        if keeper is None:
            what = UNKNOWN.get(artifact.keeper, "another release wrote it")
            raise Unavailable("artifacts", f"this file is in the {artifact.keeper} store; {what}")
        return keeper.read(
            artifact.location, start, artifact.size if end is None else min(end, artifact.size)
        )

    async def sweep(self, term: Term, limit: int = 500) -> int:
        """Remove what belongs to nobody: content first, then its row. How many.

        Raises:
            LeaseLost: nothing was removed.
            Unavailable: Postgres or the place of artifacts is away.
        """
        swept, away = 0, None
        for keeper in self._keepers.values():
            try:
                swept += await self._sweep(keeper, term, limit)
            except Unavailable as error:  # keeps no other from its turn
                away = error
        if away is not None:
            raise away
        return swept

    async def _sweep(self, keeper: ArtifactStorage, term: Term, limit: int) -> int:
        async with as_leader(self._database, term) as transaction:
            rows = await transaction.rows(ORPHANS, {"keeper": keeper.name, "limit": limit})
        removed = 0
        if rows:
            # What is an orphan stays one, whatever happens between these steps.
            await keeper.remove([location for _, location in rows])
            async with as_leader(self._database, term) as transaction:
                ids = {"ids": array(id for id, _ in rows)}
                removed = len(await transaction.rows(FORGET, ids))
                await transaction.count(FORGET_CHUNKS, ids)
        if (
            keeper is not self._into
        ):  # files without a row are told from a team's own where only ours are written
            return removed
        return removed + await self._sweep_strays(keeper)

    async def _sweep_strays(self, keeper: ArtifactStorage) -> int:
        found = await keeper.strays(STRAYS_PER_SWEEP)
        if not found:
            return 0
        known = {row[0] for row in await self._database.run(KNOWN, {"locations": texts(found)}, limits=SHORT)}
        strays = [location for location in found if location not in known]
        await keeper.remove(strays)
        return len(strays)


# Keeps the attempt its job's own until the files are visible.
HOLD = """
SELECT 1 FROM corral.jobs j WHERE j.id = %(job)s AND j.attempt = %(attempt)s AND j.state = 'running'
FOR NO KEY UPDATE
"""


class _Measured:
    """Content cut into chunks, with its size and hash at the end."""

    def __init__(self) -> None:
        self.size = 0
        self.hash = hashlib.sha256()

    async def chunks(self, content: Content) -> AsyncIterator[bytes]:
        held = bytearray()
        async for piece in _pieces(content):
            held += piece
            while len(held) >= CHUNK_BYTES:
                yield self._count(bytes(held[:CHUNK_BYTES]))
                del held[:CHUNK_BYTES]
        if held:
            yield self._count(bytes(held))

    def _count(self, chunk: bytes) -> bytes:
        self.size += len(chunk)
        self.hash.update(chunk)
        return chunk


async def _pieces(content: Content) -> AsyncIterator[bytes]:
    match content:
        case bytes():
            for start in range(0, len(content), CHUNK_BYTES):
                yield content[start : start + CHUNK_BYTES]
        case Path():
            with content.open("rb") as file:
                while piece := file.read(CHUNK_BYTES):
                    yield piece
        case _:
            async for piece in content:
                yield piece


def _artifact(row: Row) -> Artifact:
    id, job, attempt, name, media_type, size, sha256, keeper, location, published_at = row
    return Artifact(id, job, attempt, name, media_type, size, bytes(sha256), keeper, location, published_at)
