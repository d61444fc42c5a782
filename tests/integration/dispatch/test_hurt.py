"""A Redis that hangs, is full, is away: each is one error, and nothing is left half done."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from redis.asyncio import Redis

from corral.dispatch import Ack, Dispatch, Done, Entry
from corral.errors import Unavailable
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral_local.servers.valkey import EmbeddedValkey

EMAIL = Lane("email", Priority.NORMAL)


@pytest.fixture
async def hurt(own_valkey: EmbeddedValkey) -> AsyncIterator[tuple[Dispatch, Redis, EmbeddedValkey]]:
    """A dispatch, a plain client and a server that the test may hurt."""
    dispatch = Dispatch.open(own_valkey.url)
    client = Redis.from_url(own_valkey.url, decode_responses=True)
    yield dispatch, client, own_valkey
    await client.aclose()
    await dispatch.close()


async def test_a_redis_that_is_away_is_unavailable_at_once_and_used_again_when_it_is_back(hurt):
    dispatch, _, valkey = hurt
    first, second = Entry(EMAIL, new_id()), Entry(EMAIL, new_id())
    await dispatch.lanes.enqueue([first])
    await asyncio.to_thread(valkey.stop)
    began = monotonic()
    with pytest.raises(Unavailable, match="redis"):
        await dispatch.lanes.enqueue([second])
    with pytest.raises(Unavailable, match="redis"):
        await dispatch.lanes.wait("w", 1)
    assert monotonic() - began < 5.5, "neither waits as for one that hangs"
    await asyncio.to_thread(valkey.start)
    await dispatch.lanes.enqueue([second])
    assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped == [first, second]


async def test_a_redis_that_hangs_is_unavailable_within_seconds_and_its_late_answer_confuses_nobody(hurt):
    dispatch, client, _ = hurt
    queued = [Entry(EMAIL, new_id()) for _ in range(3)]
    await dispatch.lanes.enqueue(queued[:1])
    server = (await client.info("server"))["process_id"]
    os.kill(server, signal.SIGSTOP)
    try:
        began = monotonic()
        async with asyncio.timeout(60):
            with pytest.raises(Unavailable, match="does not answer in time"):
                await dispatch.lanes.enqueue(queued[1:2])
        assert monotonic() - began > 2
        sent = asyncio.create_task(dispatch.lanes.enqueue(queued[2:]))
        await asyncio.sleep(0)
    finally:
        os.kill(server, signal.SIGCONT)
    await asyncio.gather(sent, return_exceptions=True)
    found = (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped
    assert set(found) >= {queued[0]}
    assert await dispatch.repair.disagreements() == []


async def test_a_full_redis_takes_nothing_half_and_still_gives(hurt):
    dispatch, client, _ = hurt
    queued = [Entry(EMAIL, new_id()) for _ in range(100)]
    await dispatch.lanes.enqueue(queued)
    await dispatch.lanes.pop("w", [EMAIL], 1, wait=True)
    await client.config_set("maxmemory", 1)
    refused = Entry(EMAIL, new_id())
    with pytest.raises(Unavailable, match="maxmemory"):
        await dispatch.lanes.enqueue([refused])
    assert await dispatch.repair.disagreements() == []
    found = await dispatch.lanes.pop("w", [EMAIL], 200, wait=True)
    assert found.popped == queued[1:]
    await dispatch.lanes.ack([Ack(EMAIL, entry.id, Done()) for entry in queued])
    await client.config_set("maxmemory", 0)
    assert await dispatch.lanes.enqueue([refused]) == 1


async def test_a_redis_that_is_read_only_is_unavailable(hurt):
    dispatch, client, _ = hurt
    await client.replicaof("127.0.0.1", 1)
    with pytest.raises(Unavailable, match="redis"):
        await dispatch.lanes.enqueue([Entry(EMAIL, new_id())])
    await client.replicaof("NO", "ONE")
    assert await dispatch.lanes.enqueue([Entry(EMAIL, new_id())]) == 1


async def test_more_callers_than_connections_wait_their_turn(hurt):
    dispatch, _, _ = hurt
    await asyncio.gather(*[dispatch.lanes.enqueue([Entry(EMAIL, new_id())]) for _ in range(200)])
    assert (await dispatch.repair.depths())[EMAIL].listed == 200


async def test_a_caller_that_is_cancelled_leaves_a_connection_that_works(hurt):
    dispatch, client, _ = hurt
    await client.execute_command("CLIENT", "PAUSE", 300, "ALL")
    calls = [asyncio.create_task(dispatch.repair.depths([EMAIL])) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    assert all(
        isinstance(ending, asyncio.CancelledError)
        for ending in await asyncio.gather(*calls, return_exceptions=True)
    )
    queued = Entry(EMAIL, new_id())
    await dispatch.lanes.enqueue([queued])
    assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped == [queued]
