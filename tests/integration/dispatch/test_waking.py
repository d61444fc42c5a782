"""Who is woken, how often, and what a lost token costs (protocol rule 8)."""

import asyncio
from time import monotonic

from redis.asyncio import Redis
from tests.fixtures.waiting import eventually_async

from corral.dispatch import Ack, Dispatch, Entry, Park, Return
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority

EMAIL = Lane("email", Priority.NORMAL)
VIDEO = Lane("video", Priority.NORMAL)


def entries(lane: Lane, count: int) -> list[Entry]:
    return [Entry(lane, new_id()) for _ in range(count)]


async def tokens(redis: Redis, *workers: str) -> list[int]:
    return [await redis.llen(f"corral:wake:{worker}") for worker in workers]


async def blocked(redis: Redis, count: int) -> bool:
    return (await redis.info("clients"))["blocked_clients"] == count


async def idle(dispatch: Dispatch, *workers: str) -> None:
    for worker in workers:
        assert (await dispatch.lanes.pop(worker, [EMAIL, VIDEO], 5, wait=True)).waiting


async def test_a_new_job_wakes_a_sleeping_worker_at_once(dispatch: Dispatch):
    await idle(dispatch, "w")
    sleeping = asyncio.create_task(dispatch.lanes.wait("w", 30))
    begin = monotonic()
    queued = entries(EMAIL, 1)
    await dispatch.lanes.enqueue(queued)
    assert await sleeping
    assert monotonic() - begin < 25, "long before its wait is over"
    assert (await dispatch.lanes.pop("w", [EMAIL], 5, wait=True)).popped == queued


async def test_a_job_queued_between_pop_and_sleep_wakes_too(dispatch: Dispatch):
    await idle(dispatch, "w")
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert await dispatch.lanes.wait("w", 30)


async def test_as_many_workers_are_woken_as_there_are_jobs(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "a", "b", "c")
    await dispatch.lanes.enqueue(entries(EMAIL, 2))
    assert sum(await tokens(redis, "a", "b", "c")) == 2


async def test_a_worker_is_woken_once_for_all_its_queues(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "a", "b")
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    await dispatch.lanes.enqueue(entries(VIDEO, 1))
    assert await tokens(redis, "a", "b") == [1, 1]
    await dispatch.lanes.enqueue(entries(VIDEO, 9))
    assert await tokens(redis, "a", "b") == [1, 1]


async def test_a_worker_that_leaves_jobs_behind_wakes_another(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "a", "b")
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    await redis.rpush("rq:queue:email", *[str(new_id()) for _ in range(9)])
    assert await tokens(redis, "a", "b") == [0, 1]
    await dispatch.lanes.pop("b", [EMAIL, VIDEO], 5, wait=True)
    assert await tokens(redis, "a", "b") == [1, 0]


async def test_a_worker_that_found_jobs_and_has_room_is_woken_for_more(dispatch: Dispatch, redis: Redis):
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    found = await dispatch.lanes.pop("w", [EMAIL], 5, wait=True)
    assert (len(found.popped), found.waiting) == (1, True)
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert await tokens(redis, "w") == [1]


async def test_a_worker_without_room_is_not_woken(dispatch: Dispatch, redis: Redis):
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert not (await dispatch.lanes.pop("w", [EMAIL], 1, wait=True)).waiting
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert await tokens(redis, "w") == [0]


async def test_jobs_of_a_paused_or_suspended_queue_wake_nobody(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "w")
    for hint in ("corral:paused:email", "rq:suspended"):
        await redis.set(hint, "1")
        await dispatch.lanes.enqueue(entries(EMAIL, 1))
        await redis.delete(hint)
    assert await tokens(redis, "w") == [0]


async def test_a_returned_job_wakes_a_worker_and_a_parked_one_does_not(dispatch: Dispatch, redis: Redis):
    one, two = entries(EMAIL, 2)
    await dispatch.lanes.enqueue([one, two])
    await dispatch.lanes.pop("busy", [EMAIL], 2, wait=False)
    await idle(dispatch, "w")
    await dispatch.lanes.ack([Ack(EMAIL, one.id, Park(60))])
    assert await tokens(redis, "w") == [0]
    await dispatch.lanes.ack([Ack(EMAIL, two.id, Return())])
    assert await tokens(redis, "w") == [1]


async def test_a_worker_that_died_waiting_gets_no_token_after_its_wish_ran_out(
    dispatch: Dispatch, redis: Redis
):
    await idle(dispatch, "dead")
    await redis.zadd("corral:waiting:email", {"dead": 1})
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert await tokens(redis, "dead") == [0]


async def test_workers_that_are_no_more_leave_nothing_behind(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "dead")
    for key in ("corral:waiting:email", "corral:waiting:video", "corral:waiters"):
        await redis.zadd(key, {"dead": 1})
    await idle(dispatch, "alive")
    for key in ("corral:waiting:email", "corral:waiting:video", "corral:waiters"):
        assert await redis.zrange(key, 0, -1) == ["alive"]


async def test_a_token_nobody_took_disappears(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "w")
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert 0 < await redis.pttl("corral:wake:w") <= 5000
    await dispatch.lanes.pop("w", [EMAIL], 5, wait=False)
    assert await tokens(redis, "w") == [0]


async def test_without_a_token_the_sleep_ends_after_its_time(dispatch: Dispatch):
    assert not await dispatch.lanes.wait("w", 0.05)


async def test_a_sleep_that_is_broken_off_takes_no_token_with_it(dispatch: Dispatch, redis: Redis):
    await idle(dispatch, "w")
    sleeping = asyncio.create_task(dispatch.lanes.wait("w", 30))
    await eventually_async(lambda: blocked(redis, 1))
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)
    await eventually_async(lambda: blocked(redis, 0))
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    assert await dispatch.lanes.wait("w", 30)
