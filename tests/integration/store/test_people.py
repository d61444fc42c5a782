"""Keys, links, sessions, audit, types and queues."""

import asyncio
import hashlib

import psycopg
import pytest

from corral.catalog.record import TypeRecord
from corral.errors import NotFound
from corral.ids import new_id
from corral.store import Store
from corral_testing.subject import Subject
from corral_testing.values import QUEUE


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def test_a_key_is_found_by_its_hash_until_it_is_revoked(store: Store) -> None:
    key = await store.keys.create("ci", "operator", _hash("secret"), "ann")
    found = await store.keys.find(_hash("secret"))
    assert found is not None
    assert (found.id, found.name, found.role, found.created_by) == (key.id, "ci", "operator", "ann")
    assert await store.keys.find(_hash("other")) is None
    assert (await store.keys.list())[0].last_used_at is not None
    revoked = await store.keys.revoke(key.id, "ann")
    assert revoked.revoked_at is not None
    assert await store.keys.find(_hash("secret")) is None
    assert await store.keys.revoke(key.id, "ann") == revoked
    with pytest.raises(NotFound):
        await store.keys.revoke(new_id(), "ann")


async def test_no_secret_is_stored(store: Store, sql: psycopg.Connection) -> None:
    await store.keys.create("ci", "viewer", _hash("top-secret"), "ann")
    row = sql.execute(
        "SELECT k::text, (SELECT string_agg(a::text, '') FROM corral.audit a) FROM corral.api_keys k"
    )
    assert "top-secret" not in str(row.fetchall())


async def test_a_sign_in_link_works_once(store: Store) -> None:
    await store.sign_in.create_link(_hash("link"), "ann", "admin", seconds=60)
    tries = [store.sign_in.redeem(_hash("link"), _hash(f"session {n}"), seconds=3600) for n in range(5)]
    sessions = [session for session in await asyncio.gather(*tries) if session is not None]
    assert [(session.actor, session.role) for session in sessions] == [("ann", "admin")]
    found = [await store.sign_in.find(_hash(f"session {n}")) for n in range(5)]
    assert [session for session in found if session] == sessions


async def test_links_and_sessions_end(store: Store, sql: psycopg.Connection, subject: Subject) -> None:
    await store.sign_in.create_link(_hash("late"), "ann", "admin", seconds=-1)
    assert await store.sign_in.redeem(_hash("late"), _hash("s"), seconds=60) is None
    await store.sign_in.create_session(_hash("short"), "ann", "viewer", seconds=-1)
    await store.sign_in.create_session(_hash("long"), "ann", "viewer", seconds=60)
    await store.sign_in.create_link(_hash("old"), "ann", "admin", seconds=-1)
    assert await store.sign_in.find(_hash("short")) is None
    assert await store.duties.sweep_sessions(await subject.lead()) == 2
    assert await store.sign_in.find(_hash("long")) is not None
    await store.sign_in.end(_hash("long"))
    assert await store.sign_in.find(_hash("long")) is None


async def test_every_human_action_is_in_the_audit(subject: Subject, store: Store) -> None:
    worker, id = await subject.worker(), await subject.submit(delay=60)
    await store.jobs.run_now([id], "ann")
    await store.jobs.cancel([id, new_id()], "bob")
    await store.jobs.retry([id], "ann")
    await store.jobs.run_now([id], "ann")  # refused: nothing was done
    await store.queues.pause(QUEUE, "cy")
    await store.queues.resume(QUEUE, "cy")
    await store.queues.patch(QUEUE, {"priority": "high"}, "cy")
    await store.workers.drain(worker, "dee")
    await store.workers.lift(worker, "eve")
    await store.workers.lift(worker, "eve")  # nothing to lift: nothing was done
    deeds = [(entry.actor, entry.action, entry.kind) for entry in await store.audit.page()]
    assert deeds == [
        ("eve", "undrain", "worker"),
        ("dee", "drain", "worker"),
        ("cy", "patch", "queue"),
        ("cy", "resume", "queue"),
        ("cy", "pause", "queue"),
        ("ann", "retry", "job"),
        ("bob", "cancel", "job"),
        ("ann", "run-now", "job"),
    ]
    mine = await store.audit.page(kind="job", subject=str(id))
    assert [entry.action for entry in mine] == ["retry", "cancel", "run-now"]
    assert await store.audit.page(kind="job", subject=str(id), before=mine[-1].id) == []


async def test_overrides_are_set_and_taken_back(store: Store) -> None:
    await store.queues.name(["one"])
    before = await store.types.version()
    await store.queues.patch("one", {"priority": "high", "timeout": 5}, "ann")
    assert await store.types.version() != before
    queue = await store.queues.patch("one", {"priority": None}, "ann")
    assert (queue.overrides, queue.defaults) == ({"timeout": 5}, {})
    before = await store.types.version()
    queue = await store.queues.patch("one", {}, "ann", defaults={"retries": 5, "timeout": 1})
    queue = await store.queues.patch("one", {}, "ann", defaults={"timeout": None})
    assert (queue.overrides, queue.defaults) == ({"timeout": 5}, {"retries": 5})
    assert await store.types.version() != before
    with pytest.raises(NotFound):
        await store.queues.patch("none", {}, "ann")


def _record(version: str, **more) -> TypeRecord:
    options = {"queue": "mail", "queues": ["bulk"]}
    return TypeRecord(
        name="mail.send",
        payload_schema={"type": "object"},
        result_schema=None,
        options=options,
        version=version,
        **more,
    )


async def test_types_are_registered_and_never_replaced_by_older_ones(store: Store) -> None:
    assert await store.types.register([_record("1.2.0+aaa")]) == ["mail.send"]
    version = await store.types.version()
    assert await store.types.register([_record("1.2.0+aaa")]) == []
    assert await store.types.version() == version
    assert await store.types.register([_record("1.2.0+bbb", description="again")]) == ["mail.send"]
    assert await store.types.version() != version
    assert await store.types.register([_record("1.1.9+ccc")]) == []
    assert await store.types.register([_record("1.10.0+ddd")]) == ["mail.send"]
    assert await store.types.get("mail.send") == _record("1.10.0+ddd")
    assert await store.types.get("nothing") is None
    assert [record.name for record in await store.types.all()] == ["mail.send"]
    assert [queue.name for queue in await store.queues.list()] == ["bulk", "mail"]


async def test_types_keep_the_order_of_their_schema(store: Store) -> None:
    schema = {"type": "object", "properties": {"zebra": {}, "apple": {}, "mango": {}}}
    record = TypeRecord(name="a.b", payload_schema=schema, result_schema=None, options={}, version="1+a")
    await store.types.register([record])
    found = await store.types.get("a.b")
    assert found is not None
    assert list((found.payload_schema or {})["properties"]) == ["zebra", "apple", "mango"]


async def test_pods_that_register_at_once_agree(store: Store) -> None:
    names = await asyncio.gather(*(store.types.register([_record(f"1.{n}+x")]) for n in range(6)))
    assert ["mail.send"] in names
    found = await store.types.get("mail.send")
    assert found is not None
    assert found.version == "1.5+x"
