"""Where the content of artifacts is kept: in Postgres in chunks, or in files of a folder that all share.

Buckets of object storage are the third place (`corral.store.artifacts.object_storage`). One conformance suite holds them all to
the same behaviour.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import UUID

from corral.errors import Conflict, NotFound, Unavailable
from corral.store.postgres.database import SHORT, Database
from corral.store.postgres.sql_params import array

CHUNK_BYTES = 256 * 1024
"""Bytes of a chunk: what is in memory at once, on the way in and out."""
STRAY_SECONDS = 24 * 3600.0
"""A file without a row is left this long: its writer may be slow."""

LOCATION = re.compile(r"(uploads/[0-9a-f]{8}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/\d+)/[0-9a-f-]{36}")
"""A location that Corral gives. Other files of the folder, and objects under the prefix, are somebody else's and left alone."""


class ArtifactStorage(Protocol):
    """Keeps content under a location (`job/attempt/artifact id`), written once."""

    name: str
    """As `artifacts.keeper` holds it."""

    async def write(self, location: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep the content; every chunk but the last has CHUNK_BYTES bytes.

        Raises:
            Conflict: the artifact was swept meanwhile.
            Unavailable: the place is away or full.
        """

    def read(self, location: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to and without `end`.

        Raises:
            NotFound: the content was removed.
            Unavailable: the place is away.
        """

    async def remove(self, locations: list[str]) -> None:
        """Remove contents; those that are gone already are fine.

        Raises:
            Unavailable: the place is away.
        """

    async def strays(self, limit: int) -> list[str]:
        """Some locations that may belong to no row any more: of all there are, so many further ones at each call.

        Raises:
            Unavailable: the place is away.
        """

    async def try_out(self) -> None:
        """Ask whether the place is there, and lets this process in.

        Raises:
            Unavailable: it is not, or does not.
        """

    def close(self) -> None:
        """Close what connections of its own it has. Nothing is asked of it any more."""


# The row is locked so that a sweep can't take it between its look and this chunk.
WRITE = """
INSERT INTO corral.artifact_chunks (artifact, seq, data)
SELECT a.id, %(seq)s, %(data)b FROM (
    SELECT a.id FROM corral.artifacts a WHERE a.id = %(artifact)s FOR KEY SHARE
) a
RETURNING artifact
"""
READ = "SELECT data FROM corral.artifact_chunks WHERE artifact = %(artifact)s AND seq = %(seq)s"
REMOVE = "DELETE FROM corral.artifact_chunks WHERE artifact = ANY(%(artifacts)s::uuid[])"


class PostgresStorage:
    """Chunks in the table beside the rows: nothing else to run, back up or share."""

    name = "postgres"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, location: str, chunks: AsyncIterator[bytes]) -> None:
        """See ArtifactStorage."""
        artifact, seq = _artifact(location), 0
        async for chunk in chunks:
            params = {"artifact": artifact, "seq": seq, "data": chunk}
            if not await self._database.run(WRITE, params, limits=SHORT):
                raise Conflict(f"artifact {artifact} was removed while it was written")
            seq += 1

    async def read(self, location: str, start: int, end: int) -> AsyncIterator[bytes]:
        """See ArtifactStorage."""
        artifact = _artifact(location)
        while start < end:
            seq, offset = divmod(start, CHUNK_BYTES)
            rows = await self._database.run(READ, {"artifact": artifact, "seq": seq})
            if not rows:
                raise NotFound("artifact", artifact)
            piece = bytes(rows[0][0][offset : offset + end - start])
            yield piece
            start += len(piece)

    async def remove(self, locations: list[str]) -> None:
        """See ArtifactStorage."""
        await self._database.run(REMOVE, {"artifacts": array(map(_artifact, locations))})

    async def strays(self, limit: int) -> list[str]:  # noqa: ARG002  a chunk is never without its row
        """See ArtifactStorage."""
        return []

    async def try_out(self) -> None:
        """See ArtifactStorage. Whether Postgres is there, others ask."""

    def close(self) -> None:
        """See ArtifactStorage. The connections are the database's."""


class FilesystemStorage:
    """Files in a folder that every worker and publisher mounts. A file appears whole, under its final name."""

    name = "filesystem"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._walk: Iterator[Path] | None = None

    async def write(self, location: str, chunks: AsyncIterator[bytes]) -> None:
        """See ArtifactStorage."""
        path = self._folder / location
        partial = path.with_suffix(".partial")
        try:
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            file = await asyncio.to_thread(partial.open, "wb")
            try:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
                await asyncio.to_thread(_sync, file)
            finally:
                await asyncio.to_thread(file.close)
            await asyncio.to_thread(partial.replace, path)
        except FileNotFoundError as error:
            raise Conflict(f"artifact {path.name} was removed while it was written") from error
        except OSError as error:
            raise Unavailable("artifacts", str(error)) from error

    async def read(self, location: str, start: int, end: int) -> AsyncIterator[bytes]:
        """See ArtifactStorage."""
        try:
            file = await asyncio.to_thread((self._folder / location).open, "rb")
        except FileNotFoundError as error:
            raise NotFound("artifact", location) from error
        except OSError as error:
            raise Unavailable("artifacts", str(error)) from error
        try:
            await asyncio.to_thread(file.seek, start)
            while start < end:
                piece = await asyncio.to_thread(file.read, min(CHUNK_BYTES, end - start))
                if not piece:
                    raise NotFound("artifact", location)
                yield piece
                start += len(piece)
        finally:
            await asyncio.to_thread(file.close)

    async def remove(self, locations: list[str]) -> None:
        """See ArtifactStorage."""
        try:
            await asyncio.to_thread(self._remove, locations)
        except OSError as error:
            raise Unavailable("artifacts", str(error)) from error

    async def strays(self, limit: int) -> list[str]:
        """See ArtifactStorage."""
        return await asyncio.to_thread(self._old, limit)

    async def try_out(self) -> None:
        """See ArtifactStorage. The folder is made with its first file; what it is made in must be there."""
        if not await asyncio.to_thread(self._folder.parent.is_dir):
            raise Unavailable("artifacts", f"there is no folder {self._folder.parent}")

    def close(self) -> None:
        """See ArtifactStorage. It has none."""

    def _remove(self, locations: list[str]) -> None:
        for location in locations:
            path = self._folder / location
            path.unlink(missing_ok=True)
            path.with_suffix(".partial").unlink(missing_ok=True)
            for folder in (path.parent, path.parent.parent):
                with suppress(OSError):  # others are still in it
                    folder.rmdir()

    def _old(self, limit: int) -> list[str]:
        """Those among the next so many files that are old enough; from the beginning again after the last."""
        if self._walk is None:
            self._walk = _files(self._folder)
        looked = list(islice(self._walk, limit))
        if len(looked) < limit:
            self._walk = None
        before, found = time.time() - STRAY_SECONDS, []
        for path in looked:
            with suppress(FileNotFoundError):
                location = path.relative_to(self._folder).as_posix().removesuffix(".partial")
                if LOCATION.fullmatch(location) and path.stat().st_mtime < before:
                    found.append(location)
        return found


def _files(folder: Path, depth: int = 3) -> Iterator[Path]:
    """The files so many folders down, one folder read at a time; what is removed meanwhile is passed over."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if depth > 1:
                yield from _files(Path(entry.path), depth - 1)
            else:
                yield Path(entry.path)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _artifact(location: str) -> UUID:
    return UUID(location.rpartition("/")[2])
