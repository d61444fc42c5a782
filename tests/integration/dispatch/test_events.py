"""Events reach every listener, or the listener learns that it missed some (protocol rule 28)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import eventually_async

from corral.dispatch import Dispatch, Event, Gap, JobsChanged, Logged, Progressed, QueueChanged
from corral.ids import new_id
from corral_local.servers.valkey import EmbeddedValkey

EVERY_KIND = (
    JobsChanged("completed", (new_id(), new_id())),
    Progressed(new_id(), 40, "fetch"),
    Progressed(new_id(), 41, None),
    Logged((new_id(),)),
    QueueChanged("email"),
)


@pytest.fixture
async def other(redis_url: str) -> AsyncIterator[Dispatch]:
    """Another process, as far as Redis can tell."""
    opened = Dispatch.open(redis_url)
    yield opened
    await opened.close()


async def subscriptions(redis: Redis) -> int:
    return (await redis.pubsub_numsub("corral:events"))[0][1]


@pytest.mark.parametrize("event", EVERY_KIND)
async def test_an_event_arrives_as_it_was_sent(dispatch: Dispatch, other: Dispatch, event: Event):
    async with dispatch.events.listen() as listener:
        await other.events.publish(event)
        assert await listener.get() == event


async def test_all_listeners_of_a_process_share_one_subscription(dispatch: Dispatch, redis: Redis):
    async with dispatch.events.listen() as one, dispatch.events.listen() as two:

        async def shared() -> bool:
            return await subscriptions(redis) == 1

        await eventually_async(
            shared
        )  # the server may not have noticed yet that an earlier test's are closed
        await dispatch.events.publish(*EVERY_KIND)
        for listener in (one, two):
            assert [await listener.get() for _ in EVERY_KIND] == list(EVERY_KIND)


async def test_a_slow_listener_gets_a_gap_instead_of_growing(dispatch: Dispatch):
    async with dispatch.events.listen(limit=3) as slow, dispatch.events.listen() as quick:
        await dispatch.events.publish(*EVERY_KIND)
        assert [await quick.get() for _ in EVERY_KIND] == list(EVERY_KIND)
        assert [await slow.get(), await slow.get()] == [Gap(), EVERY_KIND[4]]


async def test_listeners_learn_of_a_lost_connection_and_then_hear_again(dispatch: Dispatch, redis: Redis):
    async with dispatch.events.listen() as listener:
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await listener.get() == Gap()
        await dispatch.events.publish(EVERY_KIND[0])
        assert await listener.get() == EVERY_KIND[0]


async def test_what_is_no_event_is_skipped(dispatch: Dispatch, redis: Redis):
    async with dispatch.events.listen() as listener:
        for nonsense in (
            "",
            "[]",
            "{",
            '{"k":"jobs","s":"x","ids":[1]}',
            '{"k":"of a newer release"}',
            b"\xff",
        ):
            await redis.publish("corral:events", nonsense)
        await dispatch.events.publish(EVERY_KIND[0])
        assert await listener.get() == EVERY_KIND[0]


async def test_publishing_and_listening_survive_redis_going_away(own_valkey: EmbeddedValkey):
    dispatch = Dispatch.open(own_valkey.url)
    async with dispatch.events.listen() as listener:
        await asyncio.to_thread(own_valkey.stop)
        await dispatch.events.publish(EVERY_KIND[0])
        await asyncio.to_thread(own_valkey.start)
        assert await listener.get() == Gap()
        await eventually_async(lambda: published(dispatch, own_valkey))
        assert await listener.get() == EVERY_KIND[1]
    await dispatch.close()


async def published(dispatch: Dispatch, valkey: EmbeddedValkey) -> bool:
    async with Redis.from_url(valkey.url) as client:
        if await subscriptions(client) == 0:
            return False
    await dispatch.events.publish(EVERY_KIND[1])
    return True


async def test_a_process_that_closes_sends_its_last_events(dispatch: Dispatch, redis_url: str):
    leaving = Dispatch.open(redis_url)
    async with dispatch.events.listen() as listener:
        await leaving.events.publish(EVERY_KIND[0])
        await leaving.close()
        assert await listener.get() == EVERY_KIND[0]


async def test_a_listener_that_wants_nothing_misses_it_and_knows(dispatch: Dispatch):
    wanted = False
    async with dispatch.events.listen(wanted=lambda: wanted) as sleepy, dispatch.events.listen() as awake:
        await dispatch.events.publish(QueueChanged("one"))
        assert await awake.get() == QueueChanged("one")
        assert (sleepy.taken(), sleepy.missed) == ([], True)
        wanted = True
        await dispatch.events.publish(QueueChanged("two"))
        assert await sleepy.get() == QueueChanged("two")
