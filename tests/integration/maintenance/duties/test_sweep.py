"""Every queued row is known to Redis or made known (protocol rule 7)."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from tests.fixtures.clock import Clock
from tests.integration.maintenance.conftest import EMAIL, Shop

from corral.dispatch import Dispatch, Entry
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import PRIORITIES, Priority
from corral.maintenance.duties.sweep import Sweep
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.store import Store

SUSPECTS = Lane("email", Priority.NORMAL, suspect=True)


@pytest.fixture
def duty(store: Store, dispatch: Dispatch, clock: Clock) -> Sweep:
    return Sweep(store, dispatch, clock=clock)


async def trusting(shop: Shop, reign: Reign, clock: Clock, rows_per_page: int) -> Sweep:
    """A duty of short pages after its first round."""
    duty = Sweep(shop.store, shop.dispatch, clock=clock, rows_per_page=rows_per_page)
    await duty.round(reign)
    return duty


@pytest.fixture
async def trusted(duty: Sweep, reign: Reign) -> Sweep:
    """The duty after its first round: Redis is trusted."""
    await duty.round(reign)
    return duty


def redispatched(queue: str) -> float:
    return REGISTRY.get_sample_value("corral_redispatched_total", {"queue": queue}) or 0.0


async def test_a_job_that_redis_lost_is_enqueued_once_and_counted(shop: Shop, trusted: Sweep, reign: Reign):
    before = redispatched("email")
    lost = await shop.submit(3, age=6)
    assert await trusted.round(reign) == 3
    assert await trusted.round(reign) == 0
    assert await shop.pop() == lost
    assert redispatched("email") == before + 3


async def test_a_job_that_was_just_queued_is_left_to_its_publisher(shop: Shop, trusted: Sweep, reign: Reign):
    await shop.submit(3, age=1)
    assert await trusted.round(reign) == 0


async def test_jobs_that_redis_knows_are_left_where_they_are(shop: Shop, trusted: Sweep, reign: Reign):
    listed = await shop.submit(3, age=60, enqueue=True)
    assert await trusted.round(reign) == 0
    found = await shop.dispatch.lanes.pop("w", [EMAIL], 2, wait=False)
    assert [entry.id for entry in found.popped] == listed[:2]
    assert await trusted.round(reign) == 0, "popped a moment ago and not yet claimed"


async def test_a_pop_that_was_never_answered_is_undone_after_fifteen_seconds(
    shop: Shop, trusted: Sweep, reign: Reign, redis: Redis
):
    jobs = await shop.submit(2, age=60, enqueue=True)
    await shop.dispatch.lanes.pop("dead", [EMAIL], 2, wait=False)
    for job in jobs:
        await redis.zincrby("corral:popped:email", -15_001, str(job))
    assert await trusted.round(reign) == 2
    assert await shop.pop() == jobs


async def test_a_lost_job_goes_before_those_that_came_later_and_after_those_before(
    shop: Shop, trusted: Sweep, reign: Reign
):
    oldest = await shop.submit(2, age=30)
    listed = await shop.submit(2, age=20, enqueue=True)
    youngest = await shop.submit(2, age=10)
    assert await trusted.round(reign) == 4
    assert await shop.pop() == oldest + listed + youngest


async def test_every_lane_is_asked_about(shop: Shop, trusted: Sweep, reign: Reign):
    lost = {
        (queue, priority): await shop.submit(2, queue=queue, priority=priority, age=10)
        for queue in ("email", "video")
        for priority in PRIORITIES
    }
    assert await trusted.round(reign) == 16
    for (queue, priority), ids in lost.items():
        assert await shop.pop(Lane(queue, priority)) == ids


async def test_suspects_come_back_in_their_own_lane(shop: Shop, trusted: Sweep, reign: Reign):
    jobs = await shop.submit(2, age=10) + await shop.submit(1, priority=Priority.LOW, age=10)
    await shop.store.database.run("UPDATE corral.jobs SET suspect = true")
    assert await trusted.round(reign) == 3
    assert sorted(await shop.pop(SUSPECTS)) == sorted(jobs)


async def test_only_the_oldest_of_a_long_list_are_asked_about_in_every_lane(
    shop: Shop, reign: Reign, clock: Clock
):
    trusted = await trusting(shop, reign, clock, rows_per_page=10)
    few = await shop.submit(7, queue="a", age=10)
    many = await shop.submit(25, queue="b", age=10)
    suspects = await shop.submit(25, queue="c", priority=Priority.LOW, age=10)
    await shop.store.database.run("UPDATE corral.jobs SET suspect = true WHERE queue = 'c'")
    last = await shop.submit(3, queue="d", age=10)
    assert await trusted.round(reign) == 7 + 10 + 10 + 3
    assert await shop.pop(Lane("a", Priority.NORMAL)) == few
    assert await shop.pop(Lane("b", Priority.NORMAL)) == many[:10]
    assert await shop.pop(Lane("c", Priority.NORMAL, suspect=True)) == suspects[:10]
    assert await shop.pop(Lane("d", Priority.NORMAL)) == last


@pytest.mark.parametrize("harm", ["wipe", "snapshot"])
async def test_a_redis_that_was_wiped_or_put_back_is_filled_again_at_once(
    shop: Shop, reign: Reign, redis: Redis, clock: Clock, harm: str
):
    trusted = await trusting(shop, reign, clock, rows_per_page=100)
    snapshot = await redis.get("corral:epoch")
    reign.term = await shop.store.leases.renew(reign.term)
    jobs = await shop.submit(1000, age=10, enqueue=True)
    await trusted.round(reign)
    await redis.flushall()
    if harm == "snapshot":
        await redis.set("corral:epoch", snapshot)
    assert await trusted.round(reign) == 1000
    assert sorted(await shop.pop()) == sorted(jobs)
    assert await trusted.round(reign) == 100, "one pass is enough: from now on the oldest page of each list"


async def test_a_wipe_in_the_middle_of_a_full_pass_is_noticed(
    shop: Shop, reign: Reign, redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    trusted = await trusting(shop, reign, clock, rows_per_page=10)
    jobs = await shop.submit(50, age=10)
    await redis.flushall()
    asked = shop.dispatch.repair.missing
    calls = 0

    async def wiped_at_the_third(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 3:
            await redis.flushall()
        return await asked(*arguments, **options)

    monkeypatch.setattr(shop.dispatch.repair, "missing", wiped_at_the_third)
    await trusted.round(reign)
    await trusted.round(reign)
    assert sorted(await shop.pop()) == sorted(jobs)


async def test_a_full_pass_that_a_leader_began_is_not_trusted_by_the_next(
    shop: Shop, reign: Reign, redis: Redis, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    trusted = await trusting(shop, reign, clock, rows_per_page=10)
    jobs = await shop.submit(30, age=10)
    await redis.flushall()
    monkeypatch.setattr(trusted, "_ask", crash)
    with pytest.raises(asyncio.CancelledError):
        await trusted.round(reign)
    await reign.give_up()
    successor = await LeaderCandidate(shop.store.leases, "next").look()
    assert successor is not None
    assert await Sweep(shop.store, shop.dispatch, clock=clock).round(successor) == 30
    assert sorted(await shop.pop()) == sorted(jobs)


async def crash(*_arguments, **_options):
    raise asyncio.CancelledError("the leader was stopped")


async def test_the_next_leader_trusts_what_the_last_one_left(
    shop: Shop, trusted: Sweep, reign: Reign, redis: Redis, clock: Clock
):
    await trusted.round(reign)
    generation = (await redis.get("corral:epoch")).partition("/")[0]
    await reign.give_up()
    successor = await LeaderCandidate(shop.store.leases, "next").look()
    assert successor is not None
    await Sweep(shop.store, shop.dispatch, clock=clock).round(successor)
    assert (await redis.get("corral:epoch")).partition("/")[0] == generation


async def test_a_list_that_somebody_emptied_is_mended_after_fifteen_seconds(
    shop: Shop, trusted: Sweep, reign: Reign, redis: Redis, clock: Clock
):
    jobs = await shop.submit(3, age=60, enqueue=True)
    await redis.delete("rq:queue:email")
    assert await trusted.round(reign) == 0
    clock.pass_by(14)
    assert await trusted.round(reign) == 0
    clock.pass_by(2)
    assert await trusted.round(reign) == 3
    assert await shop.pop() == jobs


async def test_a_disagreement_that_passes_is_left_alone(
    shop: Shop, trusted: Sweep, reign: Reign, redis: Redis, clock: Clock
):
    (job,) = await shop.submit(age=60, enqueue=True)
    for _ in range(3):
        await redis.lpop("rq:queue:email")
        await trusted.round(reign)
        clock.pass_by(10)
        await redis.lpush("rq:queue:email", str(job))
        assert await trusted.round(reign) == 0
        clock.pass_by(10)


async def test_a_job_claimed_while_the_sweep_asks_is_not_enqueued(
    shop: Shop, trusted: Sweep, reign: Reign, monkeypatch: pytest.MonkeyPatch
):
    jobs = await shop.submit(3, age=10)
    worker = await shop.worker()
    asked = shop.dispatch.repair.missing

    async def claimed_meanwhile(*arguments, **options):
        await shop.claim(worker, jobs[:2])
        return await asked(*arguments, **options)

    monkeypatch.setattr(shop.dispatch.repair, "missing", claimed_meanwhile)
    assert await trusted.round(reign) == 1
    assert await shop.pop() == jobs[2:]


async def test_entries_without_a_row_are_left_to_the_claim(shop: Shop, trusted: Sweep, reign: Reign):
    stale = new_id()
    await shop.dispatch.lanes.enqueue([Entry(EMAIL, stale)])
    assert await trusted.round(reign) == 0
    assert await shop.pop() == [stale]
