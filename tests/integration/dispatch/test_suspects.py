"""Suspects are offered to one worker that empties itself for them (protocol rule 24)."""

from redis.asyncio import Redis

from corral.dispatch import Dispatch, Entry
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority

EMAIL = Lane("email", Priority.NORMAL)
SUSPECTS = Lane("email", Priority.NORMAL, suspect=True)


async def test_one_busy_worker_is_asked_to_become_empty_and_keeps_being_asked(dispatch: Dispatch):
    await dispatch.lanes.enqueue([Entry(SUSPECTS, new_id())])
    assert (await dispatch.lanes.pop("a", [EMAIL], 5, wait=True)).suspects == ["email"]
    assert (await dispatch.lanes.pop("b", [EMAIL], 5, wait=True)).suspects == []
    assert (await dispatch.lanes.pop("a", [EMAIL], 0, wait=False)).suspects == ["email"]


async def test_an_idle_worker_takes_the_suspect_over_from_one_that_is_still_busy(dispatch: Dispatch):
    await dispatch.lanes.enqueue([Entry(SUSPECTS, new_id())])
    await dispatch.lanes.pop("busy", [EMAIL], 5, wait=True)
    assert (await dispatch.lanes.pop("idle", [EMAIL], 5, wait=True, idle=True)).suspects == ["email"]
    assert (await dispatch.lanes.pop("busy", [EMAIL], 5, wait=True)).suspects == []


async def test_a_worker_that_never_becomes_empty_loses_its_turn(dispatch: Dispatch, redis: Redis):
    await dispatch.lanes.enqueue([Entry(SUSPECTS, new_id())])
    await dispatch.lanes.pop("long", [EMAIL], 5, wait=True)
    assert 0 < await redis.pttl("corral:suspect:email") <= 30_000
    await redis.delete("corral:suspect:email")
    assert (await dispatch.lanes.pop("other", [EMAIL], 5, wait=True)).suspects == ["email"]


async def test_the_suspect_lane_is_popped_like_any_other(dispatch: Dispatch):
    suspect = Entry(SUSPECTS, new_id())
    await dispatch.lanes.enqueue([suspect, Entry(SUSPECTS, new_id())])
    found = await dispatch.lanes.pop("w", [SUSPECTS], 1, wait=False, idle=True)
    assert found.popped == [suspect]
    assert found.suspects == []


async def test_a_suspect_of_a_paused_queue_is_offered_to_nobody(dispatch: Dispatch, redis: Redis):
    await dispatch.lanes.enqueue([Entry(SUSPECTS, new_id())])
    await redis.set("corral:paused:email", "1")
    assert (await dispatch.lanes.pop("w", [EMAIL], 5, wait=True, idle=True)).suspects == []
