"""Events reach every listener, or the listener learns that it missed some (protocol rule 28)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from tests.fixtures.waiting import eventually_async

from corral.dispatch import Dispatch, Event, Gap, JobsChanged, Logged, Progressed, QueueChanged
from corral.dispatch.events import Events
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


@asynccontextmanager
async def lingering(redis: Redis, seconds: float) -> AsyncIterator[Events]:
    """Events of a process that stays subscribed so long after nobody wants them."""
    events = Events(redis, linger_seconds=seconds)
    yield events
    await events.close()


async def test_a_process_is_subscribed_only_while_a_listener_wants_events(redis: Redis):
    wanted = False

    async def subscribed() -> bool:
        return await subscriptions(redis) == 1

    async def gone() -> bool:
        return await subscriptions(redis) == 0

    await eventually_async(gone)  # the server may not have noticed yet that an earlier test's are closed
    async with lingering(redis, 0.05) as events, events.listen(wanted=lambda: wanted) as listener:
        assert (await subscriptions(redis), listener.missed) == (0, True)
        for _ in range(2):
            wanted, listener.missed = True, False
            events.wake()
            await eventually_async(subscribed)
            assert await listener.get() == Gap()
            await events.publish(QueueChanged("one"))
            assert await listener.get() == QueueChanged("one")
            wanted = False
            await eventually_async(gone)
            await eventually_async(lambda: listener.missed)


async def test_what_nobody_hears_is_not_spelled_out_and_whoever_comes_hears_that_something_changed(
    dispatch: Dispatch, other: Dispatch, redis: Redis
):
    async def gone() -> bool:
        return await subscriptions(redis) == 0

    await eventually_async(gone)
    await other.events.publish(EVERY_KIND[0])
    await eventually_async(lambda: not other.events.heard)
    before = (await redis.info("commandstats"))["cmdstat_publish"]["calls"]
    for _ in range(1000):
        await other.events.publish(EVERY_KIND[0])
    async with dispatch.events.listen() as listener:

        async def told() -> list[Event | Gap]:
            await other.events.publish(EVERY_KIND[0])
            return listener.taken()

        assert (await eventually_async(told))[0] == Gap()
        await eventually_async(lambda: other.events.heard)
        assert (await redis.info("commandstats"))["cmdstat_publish"]["calls"] - before < 500
        await other.events.publish(EVERY_KIND[1])
        async with asyncio.timeout(30):
            while (event := await listener.get()) != EVERY_KIND[1]:
                assert event in (Gap(), EVERY_KIND[0])


async def test_a_lone_change_after_a_silence_is_told_at_once_and_the_next_soon(redis: Redis):
    """A request that waits for a short job hears of its end as early as if it had listened before."""
    events = Events(redis, unheard_seconds=(0.01, 60.0))
    events.heard = False
    async with lingering(redis, 60.0) as here, here.listen() as listener:
        for _ in range(2):
            await events.publish(EVERY_KIND[0])
            events.heard = False
            async with asyncio.timeout(10):  # far less than the longest wait
                assert await listener.get() == Gap()
    await events.close()


async def test_who_closes_says_at_once_that_something_changed(redis: Redis):
    events = Events(redis, unheard_seconds=(60.0, 60.0))
    async with lingering(redis, 60.0) as here, here.listen() as listener:
        for _ in range(2):
            events.heard = False
            await events.publish(EVERY_KIND[0])
        assert await listener.get() == Gap()
        await events.close()
        async with asyncio.timeout(10):
            assert await listener.get() == Gap()
