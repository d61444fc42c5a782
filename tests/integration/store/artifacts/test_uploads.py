"""Uploads: files without a job, kept for a time and as long as a job names them (rule 18)."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from corral.ids import new_id
from corral.store import Store
from corral.store.artifacts.storage import CHUNK_BYTES
from corral.store.artifacts.uploads import Upload
from corral_testing.subject import Subject
from corral_testing.values import new_job

DAY = 86_400.0
CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) + b"the end"


@pytest.fixture(params=["postgres", "filesystem"])
async def store(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[Store]:
    folder = tmp_path / "artifacts"
    store = Store.open(database_url, pool_size=2, artifact_store=request.param, artifact_dir=folder)
    yield store
    await store.close()


async def pieces(content: bytes = CONTENT, then: type[Exception] | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 100_000):
        yield content[start : start + 100_000]
    if then is not None:
        raise then


async def taken(store: Store, seconds: float = DAY) -> Upload:
    return await store.uploads.take("a.png", "image/png", pieces(), created_by="ann", seconds=seconds)


async def submitted(store: Store, upload: UUID) -> UUID:
    job = new_job(
        type="image.process",
        queue="images",
        payload=json.dumps({"upload": str(upload)}),
        search={"upload": str(upload)},
        max_stalls=2,
    )
    await store.jobs.insert([job])
    return job.id


def over(sql: psycopg.Connection) -> None:
    """Let the time of every upload pass."""
    sql.execute("UPDATE corral.uploads SET expires_at = now() - interval '1 second'")


def left(sql: psycopg.Connection, folder: Path) -> tuple[int, int, int]:
    """Rows of artifacts, chunks, and files."""
    rows = sql.execute(
        "SELECT (SELECT count(*) FROM corral.artifacts), (SELECT count(*) FROM corral.artifact_chunks)"
    ).fetchone()
    assert rows is not None
    return rows[0], rows[1], len(list(folder.glob("artifacts/*/*/*")))


async def test_an_upload_is_found_and_read_whole(store: Store) -> None:
    upload = await taken(store)
    found = await store.uploads.find(upload.id)
    assert found == upload
    assert (upload.name, upload.media_type, upload.size, upload.created_by) == (
        "a.png",
        "image/png",
        len(CONTENT),
        "ann",
    )
    assert await store.uploads.read(upload) == CONTENT
    assert await store.uploads.find(new_id()) is None


async def test_the_sweep_of_files_leaves_it_alone_also_while_it_arrives(
    subject: Subject, store: Store
) -> None:
    term = await subject.lead()

    async def swept() -> AsyncIterator[bytes]:
        yield CONTENT
        assert await store.artifacts.sweep(term) == 0
        yield CONTENT

    upload = await store.uploads.take("a", "image/png", swept(), created_by="ann", seconds=DAY)
    assert await store.artifacts.sweep(term) == 0
    assert await store.uploads.read(upload) == CONTENT * 2


async def test_one_that_breaks_off_leaves_nothing(
    subject: Subject, store: Store, sql: psycopg.Connection, tmp_path: Path
) -> None:
    with pytest.raises(ZeroDivisionError):
        await store.uploads.take(
            "a", "image/png", pieces(then=ZeroDivisionError), created_by="ann", seconds=DAY
        )
    assert sql.execute("SELECT count(*) FROM corral.uploads").fetchone() == (0,)
    await store.artifacts.sweep(await subject.lead())
    assert left(sql, tmp_path) == (0, 0, 0)


async def test_one_that_no_job_names_is_removed_when_its_time_is_over(
    subject: Subject, store: Store, sql: psycopg.Connection, tmp_path: Path
) -> None:
    upload, term = await taken(store), await subject.lead()
    assert await store.uploads.expire(term) == 0
    over(sql)
    assert await store.uploads.expire(term) == 1
    assert await store.uploads.find(upload.id) is None
    assert await store.artifacts.sweep(term) == 1
    assert left(sql, tmp_path) == (0, 0, 0)


async def test_one_that_a_job_names_stays_as_long_as_the_job(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    """Also when the job has ended: it may be retried."""
    upload, other, term = await taken(store), await taken(store), await subject.lead()
    job = await submitted(store, upload.id)
    over(sql)
    assert await store.uploads.expire(term) == 1
    assert await store.uploads.find(other.id) is None
    await store.jobs.cancel([job], "ann")
    over(sql)
    assert await store.uploads.expire(term) == 0
    assert await store.uploads.read(upload) == CONTENT
    sql.execute("DELETE FROM corral.jobs")
    over(sql)
    assert await store.uploads.expire(term) == 1


async def test_one_in_use_is_not_looked_at_each_time(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    """Else those in use would stand before those that can go."""
    term = await subject.lead()
    for _ in range(2):
        await submitted(store, (await taken(store)).id)
    last = await taken(store)
    over(sql)
    sql.execute("UPDATE corral.uploads SET expires_at = now() WHERE id = %s", [last.id])
    assert [await store.uploads.expire(term, limit=2) for _ in range(2)] == [0, 1]
