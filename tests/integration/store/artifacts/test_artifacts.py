"""Rule 18, for each place of artifacts."""

import os
from collections.abc import AsyncIterator
from itertools import permutations
from pathlib import Path

import obstore
import psycopg
import pytest

from corral.errors import Conflict, NotFound, Unavailable
from corral.ids import new_id
from corral.job.outcome import Finished
from corral.settings.bucket import Bucket
from corral.store import Artifact, Store
from corral.store.artifacts.object_storage import ObjectStorage
from corral.store.artifacts.storage import CHUNK_BYTES
from corral.store.store import ArtifactStore
from corral_testing.subject import EXHAUSTED, RELEASED, SUCCEEDED, Subject

TEXT = "text/plain"


PLACES: tuple[ArtifactStore, ...] = ("postgres", "filesystem", "s3")


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Bucket | None:
    """An empty bucket, for tests of the place that has one."""
    params = request.node.callspec.params
    if "s3" not in {params.get("place"), params.get("other")}:
        return None
    return request.getfixturevalue("object_server").bucket()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> ArtifactStore:
    return request.param


@pytest.fixture
async def store(
    place: ArtifactStore, bucket: Bucket | None, database_url: str, tmp_path: Path
) -> AsyncIterator[Store]:
    folder = tmp_path / "artifacts"
    store = Store.open(database_url, pool_size=2, artifact_store=place, artifact_dir=folder, bucket=bucket)
    yield store
    await store.close()


async def _read(store: Store, artifact: Artifact, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in store.artifacts.read(artifact, start, end)])


async def _running(subject: Subject):
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    return worker, id


async def _found(store: Store, job, name: str) -> Artifact:
    artifact = await store.artifacts.find(job, name)
    assert artifact is not None
    return artifact


def _files(folder: Path, bucket: Bucket | None) -> list[str]:
    """What is left, in the folder and in the bucket."""
    left = [str(path) for path in folder.glob("artifacts/*/*/*")]
    if bucket is not None:
        objects = ObjectStorage(bucket)._objects
        left += [one["path"] for batch in obstore.list(objects) for one in batch]
    return left


async def test_an_artifact_is_seen_with_the_success_and_not_before(subject: Subject, store: Store) -> None:
    worker, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    assert await store.artifacts.list(job) == []
    assert await store.artifacts.find(job, "a.txt") is None
    await store.attempts.finish(worker, [Finished(job, 1, SUCCEEDED)], artifacts={job: [artifact]})
    (shown,) = await store.artifacts.list(job)
    assert (shown.name, shown.media_type, shown.size) == ("a.txt", TEXT, 5)
    assert await _read(store, shown) == b"hello"


async def test_an_artifact_of_an_attempt_that_failed_is_never_seen_and_is_swept(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    worker, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    term = await subject.lead()
    assert await store.artifacts.sweep(term) == 0  # its attempt still runs
    await store.attempts.finish(worker, [Finished(job, 1, EXHAUSTED)], artifacts={job: [artifact]})
    assert await store.artifacts.list(job) == []
    assert await store.artifacts.sweep(term) == 1
    assert sql.execute("SELECT count(*) FROM corral.artifact_chunks").fetchone() == (0,)


async def test_an_old_attempt_shows_nothing(subject: Subject, store: Store) -> None:
    old, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "a.txt", TEXT, b"old")
    await subject.lose(old, await subject.lead())
    new = await subject.worker()
    await subject.running(new, job)
    await store.attempts.finish(old, [Finished(job, 1, SUCCEEDED)], artifacts={job: [artifact]})
    assert not await store.artifacts.publish(job, 1, [artifact])
    with pytest.raises(Conflict):
        await store.artifacts.put(job, 1, "b.txt", TEXT, b"old")
    await store.attempts.finish(new, [Finished(job, 2, SUCCEEDED)])
    assert await store.artifacts.list(job) == []


async def test_what_was_published_is_found_by_a_later_attempt(subject: Subject, store: Store) -> None:
    worker, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "part.csv", "text/csv", b"1,2")
    assert await store.artifacts.publish(job, 1, [artifact])
    await subject.finish(worker, job, 1, RELEASED)
    await subject.running(worker, job)
    assert await store.artifacts.sweep(await subject.lead()) == 0
    assert await _read(store, await _found(store, job, "part.csv")) == b"1,2"


async def test_a_name_is_shown_once_and_the_newest_wins(subject: Subject, store: Store) -> None:
    worker, job = await _running(subject)
    first = await store.artifacts.put(job, 1, "a.txt", TEXT, b"first")
    assert await store.artifacts.publish(job, 1, [first])
    await subject.finish(worker, job, 1, RELEASED)
    await subject.running(worker, job)
    await store.artifacts.put(job, 2, "a.txt", TEXT, b"not this one")
    second = await store.artifacts.put(job, 2, "a.txt", TEXT, b"second")
    await store.attempts.finish(worker, [Finished(job, 2, SUCCEEDED)], artifacts={job: [second]})
    (shown,) = await store.artifacts.list(job)
    assert await _read(store, shown) == b"second"
    assert await store.artifacts.sweep(await subject.lead()) == 2
    assert await _read(store, shown) == b"second"


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 17])
async def test_any_range_is_read_back(subject: Subject, store: Store, size: int, tmp_path: Path) -> None:
    worker, job = await _running(subject)
    content = os.urandom(size)
    path = tmp_path / "content"
    path.write_bytes(content)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 100_000):
            yield content[start : start + 100_000]

    for name, given in (("bytes", content), ("file", path), ("pieces", pieces())):
        artifact = await store.artifacts.put(job, 1, name, TEXT, given)
        assert await store.artifacts.publish(job, 1, [artifact])
        shown = await _found(store, job, name)
        assert shown.size == size
        assert await _read(store, shown) == content
        for start, end in (
            (0, 1),
            (size // 2, size),
            (CHUNK_BYTES - 1, CHUNK_BYTES + 1),
            (size, size),
            (3, None),
            (0, size + 9),
        ):
            assert await _read(store, shown, start, end) == content[start:end]
    await subject.finish(worker, job, 1, SUCCEEDED)


async def test_reading_what_was_removed_says_so(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    _, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    await store.artifacts.publish(job, 1, [artifact])
    shown = await _found(store, job, "a.txt")
    sql.execute("DELETE FROM corral.jobs")
    assert await store.artifacts.sweep(await subject.lead()) == 1
    with pytest.raises(NotFound):
        await _read(store, shown)


async def test_a_writer_that_was_given_up_leaves_nothing_behind(
    subject: Subject, store: Store, sql: psycopg.Connection, bucket: Bucket | None, tmp_path: Path
) -> None:
    """Its artifact is swept while it still writes."""
    worker, job = await _running(subject)
    term = await subject.lead()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * CHUNK_BYTES
        await subject.finish(worker, job, 1, RELEASED)
        await store.artifacts.sweep(term)
        yield b"y" * CHUNK_BYTES

    with pytest.raises(Conflict):
        await store.artifacts.put(job, 1, "a.bin", TEXT, slow())
    assert sql.execute("SELECT count(*) FROM corral.artifacts").fetchone() == (0,)
    assert sql.execute("SELECT count(*) FROM corral.artifact_chunks").fetchone() == (0,)
    assert _files(tmp_path, bucket) == []


async def test_a_file_of_a_row_is_no_stray(subject: Subject, store: Store, tmp_path: Path) -> None:
    worker, job = await _running(subject)
    artifact = await store.artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    await store.attempts.finish(worker, [Finished(job, 1, SUCCEEDED)], artifacts={job: [artifact]})
    folder = tmp_path / "artifacts" / str(new_id()) / "1"
    folder.mkdir(parents=True)
    stray = folder / str(new_id())
    partial = folder / f"{new_id()}.partial"
    others = [
        tmp_path / "artifacts" / place
        for place in (
            ".git/info/exclude",
            "src/pkg/Makefile",
            f"{new_id()}/1/notes.txt",
            f"{new_id()}/x/{new_id()}",
        )
    ]
    for file in (stray, partial, *others):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"stray")
        os.utime(file, (0, 0))  # long ago
    for file in _files(tmp_path, None):
        os.utime(file, (0, 0))
    await store.artifacts.sweep(await subject.lead())
    for one in (stray, partial):
        assert one.exists() == (store.artifacts._into.name != "filesystem")  # whose folder it is not
    assert all(file.exists() for file in others), "they are none of Corral's"
    assert await _read(store, await _found(store, job, "a.txt")) == b"hello"


@pytest.fixture
async def changed(
    store: Store, other: ArtifactStore, bucket: Bucket | None, database_url: str, tmp_path: Path
) -> AsyncIterator[Store]:
    """The same installation after CORRAL_ARTIFACT_STORE was changed."""
    folder = tmp_path / "artifacts"
    changed = Store.open(database_url, pool_size=2, artifact_store=other, artifact_dir=folder, bucket=bucket)
    yield changed
    await changed.close()


@pytest.mark.parametrize(("place", "other"), [*permutations(PLACES, 2)])
async def test_after_a_change_of_the_store_the_former_files_are_read_and_swept(  # noqa: PLR0917  fixtures
    subject: Subject,
    store: Store,
    changed: Store,
    sql: psycopg.Connection,
    bucket: Bucket | None,
    tmp_path: Path,
) -> None:
    worker, job = await _running(subject)
    before = await store.artifacts.put(job, 1, "before.txt", TEXT, b"before")
    after = await changed.artifacts.put(job, 1, "after.txt", TEXT, b"after")
    await store.attempts.finish(worker, [Finished(job, 1, SUCCEEDED)], artifacts={job: [before, after]})
    for name in ("before", "after"):
        assert await _read(changed, await _found(changed, job, f"{name}.txt")) == name.encode()
    sql.execute("DELETE FROM corral.jobs")
    assert await changed.artifacts.sweep(await subject.lead()) == 2
    assert sql.execute("SELECT count(*) FROM corral.artifact_chunks").fetchone() == (0,)
    assert _files(tmp_path, bucket) == []


async def test_a_file_whose_folder_is_not_told_any_more_says_which_setting_is_missing(
    subject: Subject, database_url: str, tmp_path: Path
) -> None:
    worker, job = await _running(subject)
    kept = Store.open(database_url, pool_size=1, artifact_store="filesystem", artifact_dir=tmp_path)
    artifact = await kept.artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    await kept.attempts.finish(worker, [Finished(job, 1, SUCCEEDED)], artifacts={job: [artifact]})
    await kept.close()
    with pytest.raises(Unavailable, match="CORRAL_ARTIFACT_DIR"):
        await _read(subject.store, await _found(subject.store, job, "a.txt"))
