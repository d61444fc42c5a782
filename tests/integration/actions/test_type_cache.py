"""The cache of job types: a name that was registered a moment ago is found, however fresh the cache is."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.worker.system import System, running_system

from corral.actions.submissions import type_cache
from corral.actions.submissions.type_cache import TypeCache
from corral.errors import UnknownType
from corral.store.registry.queues import StoredQueue


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


async def test_a_type_that_was_registered_right_after_a_look_is_found(system: System):
    cache = TypeCache(system.store)
    with pytest.raises(UnknownType):
        await cache.get("demo.echo")
    await system.register_types()
    known, snapshot = await cache.get("demo.echo")
    assert (known.record.name, snapshot.types["demo.echo"]) == ("demo.echo", known)


async def test_a_look_that_began_before_the_registration_does_not_answer_for_it(system: System):
    cache = TypeCache(system.store)
    reached, go = asyncio.Event(), asyncio.Event()
    queues = system.store.queues.list

    async def held() -> list[StoredQueue]:
        reached.set()
        await go.wait()
        return await queues()

    system.store.queues.list = held  # type: ignore[method-assign]
    before = asyncio.create_task(cache.read())
    await reached.wait()  # it has read the types already
    await system.register_types()
    asking = asyncio.create_task(cache.get("demo.echo"))
    go.set()
    assert (await asking)[0].record.name == "demo.echo"
    await before


async def test_many_unknown_names_share_one_look(system: System):
    cache = TypeCache(system.store)
    await cache.read()
    looks = 0
    version = system.store.types.version

    async def counted() -> str:
        nonlocal looks
        looks += 1
        return await version()

    system.store.types.version = counted  # type: ignore[method-assign]
    found = await asyncio.gather(*(cache.get(f"no.such-{n}") for n in range(50)), return_exceptions=True)
    assert [type(one) for one in found] == [UnknownType] * 50
    assert looks == 1


async def test_after_a_pause_the_first_submission_knows_what_was_set_meanwhile(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    await system.register_types()
    cache = TypeCache(system.store)
    await cache.read()
    await system.store.types.patch("demo.echo", {"retries": 7}, "ann")
    monkeypatch.setattr(cache, "_read_at", time.monotonic() - 60)
    assert (await cache.get("demo.echo"))[0].options.retries == 7


async def test_a_known_type_is_told_although_the_database_does_not_answer(
    system: System, monkeypatch: pytest.MonkeyPatch
):
    await system.register_types()
    cache = TypeCache(system.store)
    await cache.read()
    never = asyncio.Event()
    monkeypatch.setattr(type_cache, "NEWS_SECONDS", 0.05)
    monkeypatch.setattr(system.store.types, "version", never.wait)
    monkeypatch.setattr(cache, "_read_at", time.monotonic() - 60)
    assert (await cache.get("demo.echo"))[0].record.name == "demo.echo"
    never.set()
