"""The other duties, and what is known of all of them."""

import asyncio
from dataclasses import asdict
from time import monotonic

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Dispatch, JobsChanged
from corral.errors import LeaseLost, Unavailable
from corral.job.state import State
from corral.maintenance.duties.expire import Expire
from corral.maintenance.duties.housekeeping import Fold, Orphans, RetentionDuty
from corral.maintenance.duties.pauses import Pauses
from corral.maintenance.duty import Duty, DutyReport, perform
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.maintenance.status import StatusDuty
from corral.store import Store


async def test_a_job_that_nobody_claimed_in_time_is_cancelled_and_announced(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign
):
    (late,) = await shop.submit(expires_in=0.001)
    (early,) = await shop.submit(expires_in=60)
    async with dispatch.events.listen() as listener:
        await eventually_async(lambda: Expire(store, dispatch).round(reign))
        assert await listener.get() == JobsChanged(State.CANCELLED, (late,))
    states = {job.id: job.state for job in await store.jobs.many([late, early])}
    assert states == {late: State.CANCELLED, early: State.QUEUED}


async def test_paused_queues_keep_their_hint_and_resumed_ones_lose_it(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, redis: Redis
):
    jobs = await shop.submit(enqueue=True)
    await store.queues.name(["email"])
    await store.queues.pause("email", "ann")
    began = monotonic()
    assert await Pauses(store, dispatch).round(reign) == 1
    left = await redis.pttl("corral:paused:email")
    assert 14_990 - 1_000 * (monotonic() - began) < left <= 15_000
    assert await shop.pop() == []
    await store.queues.resume("email", "ann")
    await dispatch.hints.unpause(["email"])
    assert await Pauses(store, dispatch).round(reign) == 0
    assert await shop.pop() == jobs


async def test_a_queue_resumed_while_its_hint_is_renewed_is_served(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, monkeypatch: pytest.MonkeyPatch
):
    jobs = await shop.submit(enqueue=True)
    await store.queues.name(["email"])
    await store.queues.pause("email", "ann")
    hint = dispatch.hints.pause

    async def resumed_meanwhile(*arguments):
        await store.queues.resume("email", "ann")
        await dispatch.hints.unpause(["email"])
        await hint(*arguments)

    monkeypatch.setattr(dispatch.hints, "pause", resumed_meanwhile)
    await Pauses(store, dispatch).round(reign)
    assert await shop.pop() == jobs


async def test_housekeeping_does_what_there_is_to_do(
    store: Store, dispatch: Dispatch, reign: Reign, redis: Redis
):
    await redis.sadd("rq:workers", "rq:worker:dead")
    assert await Fold(store).round(reign) == 0
    assert await RetentionDuty(store).round(reign) == 0
    assert await Orphans(store, dispatch).round(reign) == 1


@pytest.mark.parametrize(("days", "kept"), [(365, 1), (0, 2)])
async def test_the_audit_is_kept_for_as_long_as_the_setting_says(
    store: Store, reign: Reign, days: int, kept: int
):
    await store.queues.name(["old", "new"])
    for name in ("old", "new"):
        await store.queues.pause(name, "ann")
    await store.database.run("UPDATE corral.audit SET at = at - interval '366 days' WHERE subject = 'old'")
    assert await RetentionDuty(store, audit_days=days).round(reign) == 2 - kept
    assert len(await store.audit.page()) == kept


@pytest.mark.parametrize("kind", [Fold, RetentionDuty])
async def test_housekeeping_of_a_lost_term_does_nothing(store: Store, reign: Reign, shop: Shop, kind: type):
    worker, jobs = await shop.worker(), await shop.submit()
    await shop.claim(worker, jobs)
    await reign.give_up()
    assert await LeaderCandidate(store.leases, "other").look() is not None
    await store.database.run(
        "UPDATE corral.jobs SET state = 'completed', finished_at = now() - interval '1 year'"
    )
    with pytest.raises(LeaseLost):
        await kind(store).round(reign)


class Failing(Duty):
    """Fails twice, then works."""

    name = "failing"
    period = 0.01

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.rounds = 0
        self.failures = 0

    async def round(self, _reign: Reign) -> int:
        self.rounds += 1
        if self.rounds <= 2:
            raise self.error
        return 5

    def failed(self) -> None:
        self.failures += 1


@pytest.mark.parametrize("error", [Unavailable("redis", "away"), RuntimeError("a bug")])
async def test_a_duty_goes_on_after_any_error_and_counts_it(reign: Reign, error: Exception):
    before = REGISTRY.get_sample_value("corral_duty_errors_total", {"duty": "failing"}) or 0
    duty, report = Failing(error), DutyReport(0.01)
    performing = asyncio.create_task(perform(duty, reign, report))
    await eventually_async(lambda: report.done >= 10)
    performing.cancel()
    await asyncio.gather(performing, return_exceptions=True)
    assert (duty.failures, report.failures, report.error) == (2, 2, None)
    assert REGISTRY.get_sample_value("corral_duty_errors_total", {"duty": "failing"}) == before + 2


async def test_a_lost_term_ends_a_duty(reign: Reign):
    with pytest.raises(LeaseLost):
        await perform(Failing(LeaseLost("leader", 1)), reign, DutyReport(0.01))


async def test_others_can_read_how_the_duties_go(dispatch: Dispatch, reign: Reign, redis: Redis):
    reports = {"sweep": DutyReport(5.0, rounds=3, failures=1, done=7, error="redis is away")}
    await StatusDuty(dispatch, "here:1", reports).round(reign)
    board = await dispatch.duties.read()
    assert board is not None
    assert (board.holder, board.term, board.duties) == ("here:1", 1, {"sweep": asdict(reports["sweep"])})
    await redis.delete("corral:duties")
    assert await dispatch.duties.read() is None
