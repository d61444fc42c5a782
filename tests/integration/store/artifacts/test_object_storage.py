"""A bucket of object storage that is away, slow, or refuses; nothing half-written is seen, and no error says a secret."""

import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import obstore
import psycopg
import pytest
from tests.fixtures.servers.object_server import SECRET_KEY, ObjectServer
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually
from tests.integration.store.artifacts.busy_server import Busy

from corral.errors import Conflict, Unavailable
from corral.ids import new_id
from corral.settings.bucket import Bucket
from corral.store import Store
from corral.store.artifacts.artifacts import StoredArtifacts
from corral.store.artifacts.object_storage import PART_BYTES, PARTS_AT_ONCE, ObjectStorage
from corral.store.artifacts.storage import CHUNK_BYTES
from corral_testing.subject import RELEASED, Subject

LARGE = 2 * PART_BYTES + 3 * CHUNK_BYTES + 17
TEXT = "text/plain"


@contextmanager
def opened(bucket: Bucket, **seconds: float) -> Iterator[ObjectStorage]:
    storage = ObjectStorage(bucket, **seconds)
    yield storage
    storage.close()


@pytest.fixture
def bucket(object_server: ObjectServer) -> Bucket:
    return object_server.bucket()


@pytest.fixture
def storage(bucket: Bucket) -> Iterator[ObjectStorage]:
    with opened(bucket) as storage:
        yield storage


def location() -> str:
    return f"{new_id()}/1/{new_id()}"


async def chunks(content: bytes, before: Callable[[int], None] = lambda _: None) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        before(start)
        yield content[start : start + CHUNK_BYTES]


async def read(storage: ObjectStorage, where: str, size: int) -> bytes:
    return b"".join([piece async for piece in storage.read(where, 0, size)])


async def test_a_large_file_goes_in_parts_and_comes_in_pieces_of_bounded_size(
    storage: ObjectStorage, bucket: Bucket, object_server: ObjectServer
) -> None:
    content, where = os.urandom(LARGE), location()
    await storage.write(where, chunks(content))
    pieces = [piece async for piece in storage.read(where, 0, LARGE)]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) == CHUNK_BYTES
    assert object_server.parts(bucket) == 0


async def test_content_that_fails_leaves_no_object_and_no_parts(
    storage: ObjectStorage, bucket: Bucket, object_server: ObjectServer
) -> None:
    class Failed(Exception):
        pass

    def fail(start: int) -> None:
        if start >= LARGE - CHUNK_BYTES:
            raise Failed

    where = location()
    with pytest.raises(Failed):
        await storage.write(where, chunks(bytes(LARGE), fail))
    assert object_server.parts(bucket) == 0
    assert [one for batch in obstore.list(storage._objects) for one in batch] == []


async def test_a_server_that_takes_nothing_more_lets_no_content_pile_up(
    own_object_server: ObjectServer,
) -> None:
    read_to = 0

    def count(start: int) -> None:
        nonlocal read_to
        read_to = start + CHUNK_BYTES

    with opened(own_object_server.bucket(), silence_seconds=1, retry_seconds=1) as storage:
        own_object_server.freeze()
        with pytest.raises(Unavailable, match="does not answer in time"):
            await storage.write(location(), chunks(bytes(20 * PART_BYTES), count))
        own_object_server.thaw()
    assert read_to <= (PARTS_AT_ONCE + 2) * PART_BYTES


async def test_a_server_killed_amid_an_upload_leaves_nothing_that_anybody_sees(
    subject: Subject, own_object_server: ObjectServer, database_url: str, sql: psycopg.Connection
) -> None:
    bucket = own_object_server.bucket()
    store = Store.open(database_url, pool_size=2, artifact_store="s3", bucket=bucket)
    worker, job = await subject.worker(), await subject.submit()
    await subject.running(worker, job)

    def kill(start: int) -> None:
        if start >= LARGE - 2 * CHUNK_BYTES:
            own_object_server.stop()

    with pytest.raises(
        Unavailable, match=f"bucket {bucket.name} at {own_object_server.url} can't be reached"
    ):
        await store.artifacts.put(job, 1, "a.bin", TEXT, chunks(bytes(LARGE), kill))
    await subject.finish(worker, job, 1, RELEASED)
    term = await subject.lead()
    with pytest.raises(Unavailable):  # the row stays until its content is gone
        await store.artifacts.sweep(term)
    assert sql.execute("SELECT count(*) FROM corral.artifacts").fetchone() == (1,)

    own_object_server.start()
    await subject.running(worker, job)
    again = await store.artifacts.put(job, 2, "a.bin", TEXT, chunks(bytes(LARGE)))
    assert await store.artifacts.publish(job, 2, [again])
    assert await store.artifacts.sweep(term) == 1
    (shown,) = await store.artifacts.list(job)
    assert (shown.id, shown.size) == (again, LARGE)
    await store.close()


async def test_a_slow_server_is_waited_for(bucket: Bucket) -> None:
    content, where = os.urandom(LARGE), location()
    with Proxy(bucket.endpoint or "") as proxy:
        proxy.delay(0.05)
        with opened(replace(bucket, endpoint=proxy.url)) as storage:
            await storage.write(where, chunks(content))
            assert await read(storage, where, LARGE) == content


async def test_a_busy_server_is_asked_again(bucket: Bucket) -> None:
    where = location()
    async with Busy(bucket.endpoint or "", times=2) as url:
        with opened(replace(bucket, endpoint=url)) as storage:
            await storage.write(where, chunks(b"hello"))
            assert await read(storage, where, 5) == b"hello"


async def test_a_server_that_stays_busy_is_not_available(bucket: Bucket) -> None:
    async with Busy(bucket.endpoint or "", times=100) as url:
        with (
            opened(replace(bucket, endpoint=url)) as storage,
            pytest.raises(Unavailable, match=f"bucket {bucket.name} at {url} answers SlowDown"),
        ):
            await storage.write(location(), chunks(b"hello"))


WRONG = {
    "secret": ({"secret_key": "another-secret"}, "refuses the key: SignatureDoesNotMatch"),
    "key": ({"access_key": "nobody"}, "refuses the key: InvalidAccessKeyId"),
    "bucket": ({"name": "none-of-this-name"}, "there is no bucket none-of-this-name at http"),
    "server": ({"endpoint": "http://127.0.0.1:1"}, "at http://127.0.0.1:1 can't be reached"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_is_said_without_the_secret(bucket: Bucket, what: str) -> None:
    given, said = WRONG[what]
    wrong = replace(bucket, **given)
    where = location()
    with opened(wrong) as storage:
        for call in (
            storage.write(where, chunks(b"hello")),
            storage.write(where, chunks(bytes(LARGE))),
            read(storage, where, 5),
            storage.remove([where]),
            storage.strays(10),
            storage.try_out(),
        ):
            with pytest.raises(Unavailable, match=said) as raised:
                await call
            shown = f"{raised.value!r} {raised.value} {wrong!r} {storage._objects!r}"
            assert (raised.value.dependency, raised.value.__cause__) == ("artifacts", None)
            assert SECRET_KEY not in shown
            assert (wrong.secret_key or "") not in shown


async def test_without_a_key_and_a_role_it_says_what_to_set(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")  # of a machine that has no role
    with (
        opened(replace(bucket, access_key=None, secret_key=None)) as storage,
        pytest.raises(
            Unavailable, match=f"no credentials for {bucket.where}: set CORRAL_ARTIFACT_ACCESS_KEY"
        ),
    ):
        await storage.try_out()


async def test_objects_of_others_are_no_strays_and_each_look_goes_on_where_the_last_one_ended(
    bucket: Bucket,
) -> None:
    storage = ObjectStorage(bucket, stray_seconds=-60)
    ours = sorted([location() for _ in range(5)] + [f"uploads/0123abcd/{new_id()}"])
    for where in [*ours, "report.pdf", f"team/1/{new_id()}", f"{new_id()}/1/notes.txt"]:
        await storage.write(where, chunks(b"hello"))
    looks = [await storage.strays(3) for _ in range(5)]
    assert sorted(one for look in looks[:4] for one in look) == ours
    assert looks[4] == looks[0]
    with opened(bucket, stray_seconds=60) as later:
        assert await later.strays(100) == []  # their writers may be slow
    await storage.remove([*ours, location()])
    assert [await storage.strays(100) for _ in range(2)][1] == []
    storage.close()


async def test_an_object_of_a_row_is_no_stray_and_one_without_is_removed(
    subject: Subject, bucket: Bucket, database_url: str
) -> None:
    store = Store.open(database_url, pool_size=2)
    hasty = ObjectStorage(bucket, stray_seconds=-60)
    artifacts = StoredArtifacts(store.database, hasty, [hasty])
    worker, job = await subject.worker(), await subject.submit()
    await subject.running(worker, job)
    kept = await artifacts.put(job, 1, "a.txt", TEXT, b"hello")
    assert await artifacts.publish(job, 1, [kept])
    with opened(bucket) as storage:
        await storage.write(location(), chunks(b"of nobody"))
        assert await artifacts.sweep(await subject.lead()) == 1
        (left,) = [one["path"] for batch in obstore.list(storage._objects) for one in batch]
    assert left == f"{job}/1/{kept}"
    artifacts.close()
    await store.close()


async def test_a_writer_whose_row_was_swept_takes_its_object_along(
    subject: Subject, bucket: Bucket, database_url: str, sql: psycopg.Connection
) -> None:
    store = Store.open(database_url, pool_size=2, artifact_store="s3", bucket=bucket)
    worker, job = await subject.worker(), await subject.submit()
    await subject.running(worker, job)

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        sql.execute("DELETE FROM corral.artifacts")

    with pytest.raises(Conflict):
        await store.artifacts.put(job, 1, "a.bin", TEXT, slow())
    with opened(bucket) as storage:
        assert [one for batch in obstore.list(storage._objects) for one in batch] == []
    await store.close()


async def test_a_certificate_of_an_authority_of_ones_own_is_trusted_where_it_is_named(
    secure_object_server: tuple[ObjectServer, Path],
) -> None:
    server, authority = secure_object_server
    bucket = server.bucket(endpoint=server.secure_url)
    with opened(bucket) as storage, pytest.raises(Unavailable, match="can't be reached"):
        await storage.try_out()
    with opened(replace(bucket, ca_file=authority)) as storage:
        await storage.write(where := location(), chunks(b"hello"))
        assert await read(storage, where, 5) == b"hello"


def test_the_server_of_these_tests_is_a_process(own_object_server: ObjectServer) -> None:
    own_object_server.stop()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(own_object_server.url.rpartition(":")[2])))
    own_object_server.start()
    eventually(own_object_server.bucket)
