"""Hints save time and expire (protocol rules 8 and 10)."""

import asyncio

import pytest
from redis.asyncio import Redis

from corral.dispatch import Dispatch, Entry
from corral.ids import new_id
from corral.job.lane import Lane, lanes_of
from corral.job.priority import Priority

EMAIL = Lane("email", Priority.NORMAL)


async def test_a_paused_queue_is_passed_over_until_the_hint_expires_or_is_taken_back(
    dispatch: Dispatch, redis: Redis
):
    await dispatch.lanes.enqueue([Entry(EMAIL, new_id())])
    await dispatch.hints.pause(["email", "video"], 30)
    assert 0 < await redis.pttl("corral:paused:email") <= 30_000
    assert (await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)).popped == []
    await dispatch.hints.unpause(["email"])
    assert len((await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)).popped) == 1
    assert await redis.exists("corral:paused:video")


@pytest.mark.parametrize("lane", lanes_of("email"))
async def test_a_resumed_queue_wakes_a_worker_for_what_waits_in_any_of_its_lanes(
    dispatch: Dispatch, redis: Redis, lane: Lane
):
    await dispatch.hints.pause(["email"], 30)
    await dispatch.lanes.enqueue([Entry(lane, new_id())])
    assert (await dispatch.lanes.pop("w", [EMAIL], 1, wait=True)).waiting
    assert not await redis.exists("corral:wake:w")
    await dispatch.hints.unpause(["email"])
    assert await redis.llen("corral:wake:w") == 1


async def test_the_promoter_sleeps_until_something_is_due_sooner(dispatch: Dispatch):
    sleeping = asyncio.create_task(dispatch.hints.wait_due(30))
    await dispatch.hints.due_in(0.2)
    assert await sleeping


async def test_a_thousand_hints_wake_the_promoter_once(dispatch: Dispatch, redis: Redis):
    for _ in range(1000):
        await dispatch.hints.due_in(0.0)
    assert await redis.llen("corral:due") == 1
    assert 0 < await redis.pttl("corral:due") <= 5000
    assert await dispatch.hints.wait_due(1)
    assert not await dispatch.hints.wait_due(0.05)


async def test_what_is_due_after_the_promoters_next_look_needs_no_hint(dispatch: Dispatch, redis: Redis):
    await dispatch.hints.due_in(1.0)
    assert not await redis.exists("corral:due")
