"""Lost workers are observed, then taken first, then their jobs (protocol rules 22 to 24)."""

from uuid import UUID

import pytest
from tests.fixtures.clock import Clock
from tests.integration.maintenance.conftest import EMAIL, Rename, Shop

from corral.dispatch import Dispatch
from corral.errors import CorralError, LeaseLost
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.duties.reclaim import Reclaim
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.store import Heartbeat, Store, WorkerState

LEASE = 20.0
SUSPECTS = Lane("email", Priority.NORMAL, suspect=True)


@pytest.fixture
def duty(store: Store, dispatch: Dispatch, clock: Clock) -> Reclaim:
    return Reclaim(store, dispatch, lease=LEASE, clock=clock)


async def watch(duty: Reclaim, reign: Reign, clock: Clock, seconds: float) -> int:
    """Let the duty look every two seconds for that long; answers how many jobs it took."""
    taken = await duty.round(reign)
    for _ in range(round(seconds / 2)):
        clock.pass_by(2.0)
        taken += await duty.round(reign)
    return taken


async def state_of(store: Store, worker: UUID) -> WorkerState:
    record = await store.workers.get(worker)
    assert record is not None
    return record.state


async def test_a_silent_worker_is_lost_and_its_jobs_are_handed_on_as_suspects(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock
):
    worker, jobs = await shop.worker(), await shop.submit(2)
    await shop.claim(worker, jobs)
    assert await watch(duty, reign, clock, 18.0) == 0
    assert await watch(duty, reign, clock, 4.0) == 2
    assert await state_of(shop.store, worker) is WorkerState.LOST
    stored = await shop.store.jobs.many(jobs)
    assert {(job.state, job.stalls, job.suspect) for job in stored} == {(State.QUEUED, 0, True)}
    assert sorted(await shop.pop(SUSPECTS)) == sorted(jobs)


async def test_a_job_that_stalled_alone_too_often_fails(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock
):
    (job,) = await shop.submit(max_stalls=0)
    await shop.claim(await shop.worker(), [job])
    assert await watch(duty, reign, clock, 22.0) == 1
    (stored,) = await shop.store.jobs.many([job])
    assert (stored.state, stored.stalls) == (State.FAILED, 1)
    assert await shop.pop(SUSPECTS) == []


async def test_the_error_of_a_lost_worker_says_how_its_process_ended_where_that_is_known(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock
):
    for how, said in (
        ("its process ended with exit code 3", "the worker was lost: its process ended with exit code 3"),
        ("its container ended with exit code 137 (OOMKilled)", "the worker was lost: its container ended with exit code 137 (OOMKilled)"),
        (None, "the worker was lost"),
    ):  # fmt: skip
        (job,) = await shop.submit(max_stalls=0)
        worker = await shop.worker()
        await shop.claim(worker, [job])
        record = await shop.store.workers.get(worker)
        assert record is not None
        if how is not None:
            await shop.dispatch.exits.tell(record.name, how)
        assert await watch(duty, reign, clock, 22.0) == 1
        (stored,) = await shop.store.jobs.many([job])
        assert stored.error is not None
        assert (stored.error["kind"], stored.error["message"]) == ("stall", said)
        (attempt,) = await shop.store.jobs.attempts(job)
        assert attempt.reason == said
        assert await shop.dispatch.exits.of(record.name) is None, "told once"


async def test_a_worker_that_beats_keeps_its_jobs(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock, database_url: str
):
    worker, (job,) = await shop.worker(), await shop.submit()
    await shop.claim(worker, [job])
    with Heartbeat(database_url, "corral", worker) as heartbeat:
        for _ in range(5):
            assert await watch(duty, reign, clock, 16.0) == 0
            heartbeat.beat([(job, 1)], {})
    assert await state_of(shop.store, worker) is WorkerState.ACTIVE


async def test_a_postgres_that_was_away_stalls_nobody(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock, rename: Rename
):
    worker, (job,) = await shop.worker(), await shop.submit()
    await shop.claim(worker, [job])
    await watch(duty, reign, clock, 18.0)
    await rename("workers", "away")
    clock.pass_by(2.0)
    with pytest.raises(CorralError):
        await duty.round(reign)
    duty.failed()
    await rename("away", "workers")
    clock.pass_by(2.0)
    assert await watch(duty, reign, clock, 18.0) == 0
    assert await watch(duty, reign, clock, 4.0) == 1


async def test_a_new_leader_observes_for_a_whole_lease_itself(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock
):
    await shop.claim(await shop.worker(), await shop.submit())
    await watch(duty, reign, clock, 18.0)
    successor = Reclaim(shop.store, shop.dispatch, lease=LEASE, clock=clock)
    assert await watch(successor, reign, clock, 18.0) == 0


async def test_a_leader_that_was_replaced_takes_nothing(
    shop: Shop, duty: Reclaim, reign: Reign, clock: Clock
):
    worker, jobs = await shop.worker(), await shop.submit()
    await shop.claim(worker, jobs)
    await watch(duty, reign, clock, 18.0)
    await reign.give_up()
    assert await LeaderCandidate(shop.store.leases, "other").look() is not None
    with pytest.raises(LeaseLost):
        await watch(duty, reign, clock, 4.0)
    assert await state_of(shop.store, worker) is WorkerState.ACTIVE


async def test_two_leaders_reclaim_a_job_once(shop: Shop, reign: Reign, clock: Clock):
    (job,) = await shop.submit()
    await shop.claim(await shop.worker(), [job])
    both = [Reclaim(shop.store, shop.dispatch, lease=LEASE, clock=clock) for _ in range(2)]
    taken = 0
    for _ in range(12):
        for leader in both:
            taken += await leader.round(reign)
        clock.pass_by(2.0)
    assert taken == 1
    assert await shop.pop(EMAIL) == []
    assert await shop.pop(SUSPECTS) == [job]
