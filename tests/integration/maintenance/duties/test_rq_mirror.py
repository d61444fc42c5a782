"""RQ's whole contract, where it is wanted (protocol rule 30)."""

from collections.abc import Iterator

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.registry import clean_registries
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import EMAIL, Shop

from corral.dispatch import Ack, Dispatch, JobsChanged, Park
from corral.dispatch.rq_compat import ENTRY_POINT, REGISTRIES
from corral.job.outcome import Finished, Succeeded
from corral.job.state import State
from corral.maintenance.duties.rq_mirror import RqMirror
from corral.maintenance.leadership import Reign
from corral.store import Store


@pytest.fixture
async def duty(store: Store, dispatch: Dispatch):
    await store.queues.name(["email"])
    async with RqMirror(store, dispatch, wanted=True) as mirror:
        yield mirror


@pytest.fixture
def rq(redis_url: str) -> Iterator[SyncRedis]:
    """What a stock RQ program connects with."""
    with SyncRedis.from_url(redis_url) as client:
        yield client


async def test_a_queued_job_can_be_fetched_and_calls_the_one_entry_point(
    shop: Shop, duty: RqMirror, reign: Reign, rq: SyncRedis
):
    await duty.round(reign)
    (job,) = await shop.submit(enqueue=True)
    fetched = Job.fetch(str(job), connection=rq)
    assert (fetched.func_name, fetched.args, fetched.kwargs) == (ENTRY_POINT, (), {})
    assert (fetched.origin, fetched.get_status(refresh=False)) == ("email", JobStatus.QUEUED)
    assert Queue("email", connection=rq).job_ids == [str(job)]


async def test_jobs_queued_before_it_was_wanted_get_their_hashes(
    shop: Shop, duty: RqMirror, reign: Reign, rq: SyncRedis
):
    jobs = await shop.submit(1500, enqueue=True)
    await duty.round(reign)
    assert all(Job.fetch_many([str(job) for job in jobs], connection=rq))


async def test_where_it_is_not_wanted_nothing_is_written(
    shop: Shop, duty: RqMirror, reign: Reign, redis: Redis
):
    await duty.round(reign)
    await RqMirror(shop.store, shop.dispatch, wanted=False).round(reign)
    await shop.submit(enqueue=True)
    assert [key async for key in redis.scan_iter("rq:job:*")] == []


async def changed(shop: Shop, duty: RqMirror, reign: Reign, *ids) -> None:
    """Say that jobs changed, and let the duty hear of it."""
    states = {job.id: job.state for job in await shop.store.jobs.many(ids)}
    await shop.dispatch.events.publish(*(JobsChanged(states[job], (job,)) for job in ids))
    await eventually_async(lambda: duty._listener._events)
    assert await duty.round(reign) == len(ids)


async def test_each_state_is_shown_in_its_registry_and_readers_clean_ups_change_nothing(
    shop: Shop, duty: RqMirror, reign: Reign, rq: SyncRedis
):
    running, completed, cancelled = await shop.submit(3, enqueue=True)
    (scheduled,) = await shop.submit(delay=60)
    worker = await shop.worker()
    claimed = await shop.claim(worker, [running, completed])
    await shop.store.jobs.cancel([cancelled], "ann")
    done = next(job for job in claimed if job.id == completed)
    await shop.store.attempts.finish(worker, [Finished(done.id, done.attempt, Succeeded())])
    await changed(shop, duty, reign, running, completed, cancelled, scheduled)
    queue = Queue("email", connection=rq)
    for _ in range(2):
        assert [name[:36] for name in queue.started_job_registry.get_job_ids()] == [str(running)]
        assert queue.finished_job_registry.get_job_ids() == [str(completed)]
        assert queue.canceled_job_registry.get_job_ids() == [str(cancelled)]
        assert queue.scheduled_job_registry.get_job_ids() == [str(scheduled)]
        assert queue.failed_job_registry.get_job_ids() == []
        clean_registries(queue)


async def test_a_job_moves_from_registry_to_registry(shop: Shop, duty: RqMirror, reign: Reign, rq: SyncRedis):
    (job,) = await shop.submit(enqueue=True)
    worker = await shop.worker()
    (claimed,) = await shop.claim(worker, [job])
    await changed(shop, duty, reign, job)
    assert Job.fetch(str(job), connection=rq).get_status() == JobStatus.STARTED
    await shop.store.attempts.finish(worker, [Finished(job, claimed.attempt, Succeeded())])
    await changed(shop, duty, reign, job)
    queue = Queue("email", connection=rq)
    assert queue.started_job_registry.get_job_ids() == []
    assert queue.finished_job_registry.get_job_ids() == [str(job)]


async def test_what_no_event_told_of_is_found_in_the_registries(
    shop: Shop, duty: RqMirror, reign: Reign, rq: SyncRedis
):
    (job,) = await shop.submit(enqueue=True)
    worker = await shop.worker()
    (claimed,) = await shop.claim(worker, [job])
    await changed(shop, duty, reign, job)
    await shop.store.attempts.finish(worker, [Finished(job, claimed.attempt, Succeeded())])
    queue = Queue("email", connection=rq)
    for _ in range(60):
        await duty.round(reign)
    assert queue.finished_job_registry.get_job_ids() == [str(job)]
    await shop.store.database.run("DELETE FROM corral.jobs")
    for _ in range(60):
        await duty.round(reign)
    assert queue.finished_job_registry.get_job_ids() == []
    assert not rq.exists(f"rq:job:{job}")


async def test_a_parked_job_reaches_the_list_for_stock_workers(
    shop: Shop, duty: RqMirror, reign: Reign, redis: Redis
):
    (job,) = await shop.submit(enqueue=True)
    await shop.dispatch.lanes.pop("w", [EMAIL], 1, wait=False)
    await shop.dispatch.lanes.ack([Ack(EMAIL, job, Park(0.0))])
    await duty.round(reign)
    assert await redis.lrange("rq:queue:email", 0, -1) == [str(job)]


async def test_what_a_stock_worker_popped_counts_as_popped(shop: Shop, dispatch: Dispatch, redis: Redis):
    (job,) = await shop.submit(enqueue=True)
    await redis.lpop("rq:queue:email")
    await dispatch.rq.note_popped(EMAIL, job)
    assert await dispatch.repair.disagreements() == []
    assert (await dispatch.repair.missing(EMAIL, [job], stale_seconds=15)).ids == []


def test_every_state_has_its_place():
    assert set(REGISTRIES) == set(State)
