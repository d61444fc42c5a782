"""What the leader asks Redis, and how it mends it (protocol rule 7)."""

from redis.asyncio import Redis

from corral.dispatch import Ack, Dispatch, Entry, Park
from corral.dispatch.repair import Depth
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.scaling.signal import QueueSignal, Signal, TypeSignal

EMAIL = Lane("email", Priority.NORMAL)
VIDEO = Lane("video", Priority.HIGH)


def entries(lane: Lane, count: int) -> list[Entry]:
    return [Entry(lane, new_id()) for _ in range(count)]


async def test_redis_says_which_jobs_it_does_not_know(dispatch: Dispatch):
    listed, parked, popped, unknown = entries(EMAIL, 4)
    await dispatch.lanes.enqueue([parked, popped])
    await dispatch.lanes.pop("w", [EMAIL], 2, wait=False)
    await dispatch.lanes.ack([Ack(EMAIL, parked.id, Park(60))])
    await dispatch.lanes.enqueue([listed])
    asked = [listed.id, unknown.id, parked.id, popped.id]
    assert await dispatch.repair.missing(EMAIL, asked, stale_seconds=15) == ([unknown.id], listed.id)
    assert (await dispatch.repair.missing(VIDEO, asked, stale_seconds=15)).ids == asked


async def test_five_thousand_ids_are_asked_at_once(dispatch: Dispatch):
    known, unknown = entries(EMAIL, 2500), entries(EMAIL, 2500)
    await dispatch.lanes.enqueue(known)
    mixed = [entry.id for pair in zip(known, unknown, strict=True) for entry in pair]
    found = await dispatch.repair.missing(EMAIL, mixed, stale_seconds=15)
    assert found.ids == [entry.id for entry in unknown]


async def test_a_pop_that_was_never_answered_counts_for_its_time_only(dispatch: Dispatch, redis: Redis):
    (popped,) = entries(EMAIL, 1)
    await dispatch.lanes.enqueue([popped])
    await dispatch.lanes.pop("w", [EMAIL], 1, wait=False)
    assert (await dispatch.repair.missing(EMAIL, [popped.id], stale_seconds=15)).ids == []
    assert await dispatch.repair.prune_popped([EMAIL], stale_seconds=15) == 0
    await redis.zincrby("corral:popped:email", -15_001, str(popped.id))
    assert (await dispatch.repair.missing(EMAIL, [popped.id], stale_seconds=15)).ids == [popped.id]
    assert await dispatch.repair.prune_popped([VIDEO, EMAIL], stale_seconds=15) == 1
    assert not await redis.exists("corral:popped:email")


async def test_depths_count_what_is_listed_parked_and_popped(dispatch: Dispatch, redis: Redis):
    one, two, three = entries(EMAIL, 3)
    await dispatch.lanes.enqueue([one, two, three, *entries(VIDEO, 2)])
    await dispatch.lanes.pop("w", [EMAIL], 2, wait=False)
    await dispatch.lanes.ack([Ack(EMAIL, one.id, Park(60))])
    await redis.sadd("rq:queues", "rq:queue:another.program", "rq:queue:")
    found = await dispatch.repair.depths()
    assert found[EMAIL] == Depth(listed=1, members=2, parked=1, popped=1)
    assert found[VIDEO] == Depth(listed=2, members=2, parked=0, popped=0)
    assert await dispatch.repair.disagreements() == []


async def test_a_list_that_somebody_emptied_is_noticed_and_mended(dispatch: Dispatch, redis: Redis):
    queued = entries(EMAIL, 3)
    await dispatch.lanes.enqueue([*queued, *entries(VIDEO, 1)])
    await redis.delete("rq:queue:email")
    assert await dispatch.repair.disagreements() == [EMAIL]
    assert await dispatch.repair.rebuild(EMAIL) == 0
    assert await dispatch.repair.disagreements() == []
    assert (await dispatch.repair.missing(EMAIL, [entry.id for entry in queued], stale_seconds=15)).ids != []


async def test_a_rebuild_keeps_each_entry_once_and_in_order(dispatch: Dispatch, redis: Redis):
    queued = [str(new_id()) for _ in range(2500)]
    await redis.rpush("rq:queue:email", *queued, queued[7], queued[2400], *queued[:3])
    await redis.zadd("corral:parked:email", {queued[5]: 1, "parked-only": 2})
    await redis.sadd("corral:in:email", "of a time before")
    await redis.sadd("rq:queues", "rq:queue:email")
    assert await dispatch.repair.rebuild(EMAIL) == 6
    assert await redis.lrange("rq:queue:email", 0, -1) == queued
    assert await redis.zrange("corral:parked:email", 0, -1) == ["parked-only"]
    assert await redis.smembers("corral:in:email") == {*queued, "parked-only"}
    assert not [key async for key in redis.scan_iter("*rebuilt*")]


async def test_the_epoch_is_gone_after_a_wipe(dispatch: Dispatch, redis: Redis):
    assert await dispatch.repair.epoch() is None
    await dispatch.repair.set_epoch("7")
    assert await dispatch.repair.epoch() == "7"
    await redis.flushall()
    assert await dispatch.repair.epoch() is None


async def test_the_backlog_is_read_as_it_was_written(dispatch: Dispatch, redis: Redis):
    assert await dispatch.backlog.read() is None
    types = {"demo.echo": TypeSignal(completed=3, mean=0.5, share=1.0, elapsed=(2.0, 1.0))}
    signal = Signal(7, {"email": QueueSignal(queued=3, oldest=1.5, work=12.0, types=types)}, at=8.5)
    await dispatch.backlog.write(signal)
    assert await dispatch.backlog.read() == signal
    for nonsense in ("", "[]", "7", '{"queues": 7, "sequence": 1}'):
        await redis.set("corral:backlog", nonsense)
        assert await dispatch.backlog.read() is None


async def test_the_length_of_a_list_says_how_many_jobs_want_a_slot(dispatch: Dispatch, redis: Redis):
    async def length() -> int:
        return await redis.llen("corral:demand:email")

    for queued in (2_500, 7, 1_200, 0):
        queue = QueueSignal(queued=queued, running=4, due_soon=1)
        await dispatch.backlog.write(Signal(1, {"email": queue}))
        assert await length() == queued + 5
    await dispatch.backlog.write(Signal(2, {"email": QueueSignal(queued=90, running=4, paused=True)}))
    assert await length() == 4
    await dispatch.backlog.write(Signal(3, {"email": QueueSignal()}))
    assert not await redis.exists("corral:demand:email")
    await dispatch.backlog.write(Signal(4, {"email": QueueSignal(running=4)}), {"email": 9, "other": 3})
    assert await length() == 9, "longer, where its writer knows better"
    assert not await redis.exists("corral:demand:other")
    await dispatch.backlog.write(Signal(5, {"email": QueueSignal(queued=1_000_000)}))
    assert await length() == 20_000
    assert await redis.memory_usage("corral:demand:email", samples=0) < 100_000


async def test_workers_that_died_leave_rqs_sets(dispatch: Dispatch, redis: Redis):
    await dispatch.lanes.enqueue(entries(EMAIL, 1))
    await redis.hset("rq:worker:alive", "birth", "now")
    for key in ("rq:workers", "rq:workers:email"):
        await redis.sadd(key, "rq:worker:alive", "rq:worker:dead")
    assert await dispatch.repair.forget_dead_workers() == 1
    for key in ("rq:workers", "rq:workers:email"):
        assert await redis.smembers(key) == {"rq:worker:alive"}
