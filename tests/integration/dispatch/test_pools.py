"""What is said of pools is forgotten with age, and decisions are read on from a cursor."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from corral.dispatch import Dispatch
from corral.dispatch.pools import BEGINNING, DECISIONS_PER_PAGE, STATUS_MS
from corral.ids import new_id
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus

IO = PoolStatus(
    name="io",
    scaled_by="operator",
    minimum=0,
    maximum=20,
    slots=50,
    queues=("email", "feeds"),
    replicas=8,
    ready=7,
    desired=14,
    needed=17,
    reason="8 → 14: 1,820 s of work queued, objective 120 s",
    conditions=("Limited",),
    backlog_jobs=910,
    backlog_seconds=1820.5,
    oldest_seconds=3.25,
    throughput=12.5,
    draining=("corral-worker-io-a", "corral-worker-io-b"),
    paused=False,
    wait_objective=10.0,
    drain_objective=120.0,
    at=1_790_000_000.25,
    last_scale_at=1_789_999_990.0,
)


def decision(number: int = 0) -> ScalingDecision:
    return ScalingDecision(
        id=new_id(),
        pool="io",
        at=1_790_000_000.5,
        before=number,
        after=number + 6,
        needed=17,
        ready=7,
        reason=f"{number} → {number + 6}: 1,820 s of work queued",
        conditions=("Limited", "SignalLost"),
        backlog_jobs=910,
        backlog_seconds=1820.5,
        oldest_seconds=3.25,
    )


async def test_pools_are_told_and_read_by_name(dispatch: Dispatch):
    cpu = replace(IO, name="cpu", queues=("*",), conditions=(), draining=(), last_scale_at=None)
    for status in (IO, cpu, replace(IO, desired=15)):
        await dispatch.pools.report(status)
    assert await dispatch.pools.all() == [cpu, replace(IO, desired=15)]
    assert (cpu.serves("video"), IO.serves("email"), IO.serves("video")) == (True, True, False)


async def test_a_pool_that_nobody_tells_of_any_more_is_forgotten(dispatch: Dispatch, redis: Redis):
    await dispatch.pools.report(IO)
    time, _, document = (await redis.hget("corral:pools", "io") or "").partition(" ")
    await redis.hset("corral:pools", "io", f"{int(time) - STATUS_MS + 5_000} {document}")
    assert await dispatch.pools.all() == [IO]
    await redis.hset("corral:pools", "io", f"{int(time) - STATUS_MS - 5_000} {document}")
    assert await dispatch.pools.all() == []
    assert not await redis.exists("corral:pools")


@pytest.mark.parametrize("document", ["", "nonsense", "{now} not json", '{now} {{"name": "bad"}}'])
async def test_what_is_no_status_hides_no_other(dispatch: Dispatch, redis: Redis, document: str):
    await dispatch.pools.report(IO)
    now = (await redis.hget("corral:pools", "io") or "").partition(" ")[0]
    await redis.hset("corral:pools", "bad", document.format(now=now))
    assert await dispatch.pools.all() == [IO]


async def test_a_status_of_another_release_is_read(dispatch: Dispatch):
    assert PoolStatus.of(IO.json() | {"colour": "blue"}) == IO


async def test_decisions_are_read_on_from_the_cursor(dispatch: Dispatch):
    assert await dispatch.pools.decisions_after() == (BEGINNING, [])
    decisions = [decision(number) for number in range(DECISIONS_PER_PAGE + 3)]
    for one in decisions[:2]:
        await dispatch.pools.record(one)
    cursor, found = await dispatch.pools.decisions_after()
    assert found == decisions[:2]
    assert await dispatch.pools.decisions_after(cursor) == (cursor, [])
    for one in decisions[2:]:
        await dispatch.pools.record(one)
    cursor, found = await dispatch.pools.decisions_after(cursor)
    cursor, rest = await dispatch.pools.decisions_after(cursor)
    assert [*found, *rest] == decisions[2:]


async def test_a_wiped_stream_is_read_from_its_beginning(dispatch: Dispatch, redis: Redis):
    later, first, second = decision(9), decision(1), decision(2)
    await redis.xadd("corral:decisions", {"decision": "{}"}, id="99999999999999-3")
    cursor, unreadable = await dispatch.pools.decisions_after()
    assert unreadable == []  # it is no decision; it is passed all the same
    await redis.flushall()
    await dispatch.pools.record(first)  # its id is of now: before the cursor, as after a clock set back
    cursor, found = await dispatch.pools.decisions_after(cursor)
    assert found == [first]
    await dispatch.pools.record(second)
    assert (await dispatch.pools.decisions_after(cursor))[1] == [second]
    await redis.flushall()
    assert await dispatch.pools.decisions_after(cursor) == (BEGINNING, [])
    await dispatch.pools.record(later)
    assert (await dispatch.pools.decisions_after(BEGINNING))[1] == [later]


async def test_the_stream_keeps_about_a_thousand(dispatch: Dispatch, redis: Redis):
    for number in range(1300):
        await dispatch.pools.record(decision(number))
    assert 1000 <= await redis.xlen("corral:decisions") <= 1200
