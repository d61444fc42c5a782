"""Queue, pop, answer: what stands where (protocol rule 6)."""

import pytest
from redis.asyncio import Redis

from corral.dispatch import Ack, Budget, Dispatch, Done, Entry, Move, Park, Popped, Return
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority

EMAIL = Lane("email", Priority.NORMAL)
URGENT = Lane("email", Priority.HIGH)
VIDEO = Lane("video", Priority.NORMAL)
SUSPECTS = Lane("email", Priority.NORMAL, suspect=True)


def entries(lane: Lane, count: int) -> list[Entry]:
    return [Entry(lane, new_id()) for _ in range(count)]


async def test_jobs_are_popped_in_the_order_they_were_queued(dispatch: Dispatch):
    queued = entries(EMAIL, 2500)
    assert await dispatch.lanes.enqueue(queued) == 2500
    found = await dispatch.lanes.pop("w", [EMAIL], 900, wait=False)
    assert found.popped == queued[:900]


async def test_an_id_is_queued_once_however_often_it_is_sent(dispatch: Dispatch, redis: Redis):
    (entry,) = entries(EMAIL, 1)
    assert await dispatch.lanes.enqueue([entry, entry]) == 1
    assert await dispatch.lanes.enqueue([entry]) == 0
    assert await redis.lrange("rq:queue:email", 0, -1) == [str(entry.id)]


async def test_jobs_put_in_front_keep_their_order(dispatch: Dispatch):
    later, sooner = entries(EMAIL, 3), entries(EMAIL, 2100)
    await dispatch.lanes.enqueue(later)
    await dispatch.lanes.enqueue(sooner, front=True)
    found = [await dispatch.lanes.pop("w", [EMAIL], 1000, wait=False) for _ in range(3)]
    assert [entry for pop in found for entry in pop.popped] == sooner + later


async def test_lanes_are_served_in_the_order_asked_for(dispatch: Dispatch):
    normal, high, other = entries(EMAIL, 2), entries(URGENT, 2), entries(VIDEO, 2)
    await dispatch.lanes.enqueue(normal + high + other)
    found = await dispatch.lanes.pop("w", [URGENT, EMAIL, VIDEO], 5, wait=False)
    assert found.popped == high + normal + other[:1]


async def test_a_popped_job_is_noted_until_it_is_answered(dispatch: Dispatch, redis: Redis):
    (entry,) = entries(EMAIL, 1)
    await dispatch.lanes.enqueue([entry])
    await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)
    assert await redis.zrange("corral:popped:email", 0, -1) == [str(entry.id)]
    assert not await redis.exists("rq:queue:email", "corral:in:email")
    await dispatch.lanes.ack([Ack(EMAIL, entry.id, Done())])
    assert not await redis.exists("corral:popped:email")


@pytest.mark.parametrize("suspended", [False, True])
async def test_ids_that_are_done_are_told_with_the_next_pop(
    dispatch: Dispatch, redis: Redis, *, suspended: bool
):
    first, other, more = entries(EMAIL, 1500), entries(VIDEO, 2), entries(EMAIL, 3)
    await dispatch.lanes.enqueue([*first, *other, *more])
    for room in (1000, 500):
        await dispatch.lanes.pop("w", [EMAIL], room, wait=False)
    await dispatch.lanes.pop("w", [VIDEO], 2, wait=False)
    if suspended:
        await redis.set("rq:suspended", "1")
    done = [*first, other[0], other[0]]
    found = await dispatch.lanes.pop("w", [EMAIL], 9, wait=False, done=[(one.lane, one.id) for one in done])
    assert found.popped == ([] if suspended else more)
    assert await redis.zrange("corral:popped:email", 0, -1) == sorted(str(one.id) for one in found.popped)
    assert await redis.zrange("corral:popped:video", 0, -1) == [str(other[1].id)]


async def test_a_returned_job_is_next_or_last_as_said(dispatch: Dispatch):
    first, second, third = entries(EMAIL, 3)
    await dispatch.lanes.enqueue([first, second, third])
    await dispatch.lanes.pop("w", [EMAIL], 2, wait=False)
    await dispatch.lanes.ack(
        [Ack(EMAIL, first.id, Return(front=False)), Ack(EMAIL, second.id, Return(front=True))]
    )
    found = await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)
    assert found.popped == [second, third, first]


async def test_a_parked_job_comes_back_before_the_others_when_its_time_has_come(
    dispatch: Dispatch, redis: Redis
):
    parked, other = entries(EMAIL, 2)
    await dispatch.lanes.enqueue([parked])
    await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)
    await dispatch.lanes.ack([Ack(EMAIL, parked.id, Park(3600))])
    await dispatch.lanes.enqueue([other])
    assert await dispatch.lanes.enqueue([parked]) == 0, "a parked job is in the lane"
    assert (await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)).popped == [other]
    assert (await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)).popped == []
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    await redis.zadd("corral:parked:email", {str(parked.id): 1})
    assert (await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)).popped == [parked]


async def test_a_moved_job_is_in_the_other_lane_alone(dispatch: Dispatch, redis: Redis):
    (entry,) = entries(EMAIL, 1)
    await dispatch.lanes.enqueue([entry])
    await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)
    await dispatch.lanes.ack([Ack(EMAIL, entry.id, Move(SUSPECTS))])
    assert await redis.lrange("rq:queue:email.suspect", 0, -1) == [str(entry.id)]
    assert not await redis.exists("rq:queue:email", "corral:in:email", "corral:popped:email")


async def test_verdicts_that_look_alike_are_not_mixed_up(dispatch: Dispatch, redis: Redis):
    one, two, three = entries(EMAIL, 3)
    await dispatch.lanes.enqueue([one, two, three])
    await dispatch.lanes.pop("w", [EMAIL], 3, wait=False)
    await dispatch.lanes.ack(
        [
            Ack(EMAIL, one.id, Park(1.0)),
            Ack(EMAIL, two.id, Return(True)),
            Ack(EMAIL, three.id, Done()),
        ]
    )
    assert await redis.lrange("rq:queue:email", 0, -1) == [str(two.id)]
    assert await redis.zrange("corral:parked:email", 0, -1) == [str(one.id)]


async def test_a_worker_gets_no_more_jobs_of_an_executor_than_it_has_slots(dispatch: Dispatch):
    emails, videos = entries(EMAIL, 10), entries(VIDEO, 10)
    await dispatch.lanes.enqueue(emails + videos)
    thread, process = Budget(frozenset({"email"}), 3), Budget(frozenset({"video", "email"}), 5)
    found = await dispatch.lanes.pop("w", [EMAIL, VIDEO], 50, wait=True, budgets=[thread, process])
    assert found.popped == emails[:3] + videos[:2]
    assert not found.waiting, "there is no room to be woken for"


async def test_a_queue_with_the_paused_hint_is_passed_over(dispatch: Dispatch, redis: Redis):
    email, video = entries(EMAIL, 1), entries(VIDEO, 1)
    await dispatch.lanes.enqueue(email + video)
    await redis.set("corral:paused:email", "1")
    assert (await dispatch.lanes.pop("w", [EMAIL, VIDEO], 9, wait=False)).popped == video
    await redis.delete("corral:paused:email")
    assert (await dispatch.lanes.pop("w", [EMAIL, VIDEO], 9, wait=False)).popped == email


async def test_nothing_is_popped_while_rq_is_suspended(dispatch: Dispatch, redis: Redis):
    queued = entries(EMAIL, 1)
    await dispatch.lanes.enqueue(queued)
    await redis.set("rq:suspended", "1")
    found = await dispatch.lanes.pop("w", [EMAIL], 9, wait=True)
    assert (found.popped, found.suspended, found.waiting) == ([], True, False)
    await redis.delete("rq:suspended")
    assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=True)).popped == queued


async def test_an_id_that_someone_listed_twice_is_popped_once(dispatch: Dispatch, redis: Redis):
    (entry,) = entries(EMAIL, 1)
    await dispatch.lanes.enqueue([entry])
    await redis.rpush("rq:queue:email", str(entry.id))
    assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped == [Popped(EMAIL, entry.id)]


async def test_what_is_no_id_of_ours_is_dropped_and_the_rest_served(dispatch: Dispatch, redis: Redis):
    (entry,) = entries(EMAIL, 1)
    await redis.rpush("rq:queue:email", "somebody's job", b"\xff\xfe")
    await dispatch.lanes.enqueue([entry])
    assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped == [Popped(EMAIL, entry.id)]
    assert await redis.zrange("corral:popped:email", 0, -1) == [str(entry.id)]


@pytest.mark.parametrize("wipe", ["SCRIPT FLUSH", "FLUSHALL"])
async def test_every_script_survives_a_wipe(dispatch: Dispatch, redis: Redis, wipe: str):
    for _ in range(2):
        queued = entries(EMAIL, 1)
        await redis.execute_command(*wipe.split())
        await dispatch.lanes.enqueue(queued)
        await redis.execute_command("SCRIPT", "FLUSH")
        assert (await dispatch.lanes.pop("w", [EMAIL], 9, wait=False)).popped == queued
        await redis.execute_command(*wipe.split())
        await dispatch.lanes.ack([Ack(EMAIL, queued[0].id, Return())])
        assert await redis.llen("rq:queue:email") == 1
        await redis.flushall()
