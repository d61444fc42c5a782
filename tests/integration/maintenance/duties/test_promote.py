"""Due jobs are queued in time (protocol rule 26)."""

import asyncio
from time import monotonic

import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Dispatch
from corral.job.state import State
from corral.maintenance.due_work import DueWorkDuty
from corral.maintenance.duties.promote import Promote
from corral.maintenance.duty import DutyReport, perform
from corral.maintenance.leadership import Reign
from corral.store import Store

ATTEMPTS = 5
"""On a busy machine anything may be late once."""


@pytest.fixture
def duty(store: Store, dispatch: Dispatch) -> Promote:
    return Promote(store, dispatch)


async def test_all_that_is_due_is_queued_and_nothing_else(shop: Shop, duty: Promote, reign: Reign):
    due, later = await shop.submit(2500, delay=0.001), await shop.submit(1, delay=60)
    await shop.until_due(due)
    assert await duty.round(reign) == 2500
    assert set(await shop.pop(room=1000) + await shop.pop() + await shop.pop()) == set(due)
    (stored,) = await shop.store.jobs.many(later)
    assert stored.state is State.SCHEDULED


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.9, 1.4, 5.0])
@pytest.mark.parametrize("looked_for", [False, True])
async def test_a_delayed_job_is_queued_within_a_quarter_second_of_its_time(
    shop: Shop, duty: Promote, reign: Reign, *, delay: float, looked_for: bool
):
    report = DutyReport(duty.period)
    promoting = asyncio.create_task(perform(duty, reign, report))
    await eventually_async(lambda: report.rounds > 0)
    looking = DueWorkDuty(shop.store, [duty] if looked_for else [])
    looking_report = DutyReport(looking.period)
    look = asyncio.create_task(perform(looking, reign, looking_report))
    await eventually_async(lambda: looking_report.rounds > 0)
    late = []
    while len(late) < ATTEMPTS and min(late, default=1) >= 0.25:
        rounds = report.rounds
        await eventually_async(lambda rounds=rounds: report.rounds > rounds)  # its next look is a second away
        popped = asyncio.create_task(eventually_async(shop.pop))
        submitted = monotonic()
        (job,) = await shop.submit(delay=delay)
        await shop.dispatch.hints.due_in(delay)
        assert await popped == [job]
        late.append(monotonic() - submitted - delay)
    promoting.cancel()
    look.cancel()
    await asyncio.gather(promoting, look, return_exceptions=True)
    assert min(late) < 0.25, late


async def test_without_redis_due_jobs_are_queued_all_the_same(store: Store, reign: Reign, shop: Shop):
    away = Dispatch.open("redis://127.0.0.1:1/0")
    duty = Promote(store, away)
    (job,) = await shop.submit(delay=0.001)
    report = DutyReport(duty.period)
    promoting = asyncio.create_task(perform(duty, reign, report))
    await eventually_async(lambda: report.done == 1)
    promoting.cancel()
    await asyncio.gather(promoting, return_exceptions=True)
    await away.close()
    (stored,) = await store.jobs.many([job])
    assert stored.state is State.QUEUED


async def test_while_somebody_looks_and_nothing_is_due_soon_it_asks_for_nothing(
    store: Store, shop: Shop, duty: Promote, reign: Reign, monkeypatch: pytest.MonkeyPatch
):
    asked = 0
    next_due = store.duties.next_due

    async def counted(**options) -> float | None:
        nonlocal asked
        asked += 1
        return await next_due(**options)

    monkeypatch.setattr(store.duties, "next_due", counted)
    looking = DueWorkDuty(store, [duty])
    await shop.submit(1, delay=60)
    await looking.round(reign)
    await duty.round(reign)
    assert asked == 0
    await shop.submit(1, delay=2)
    await looking.round(reign)
    await duty.round(reign)
    assert asked == 1
    duty.failed()
    await duty.round(reign)
    assert asked == 2


async def test_an_idle_promoter_looks_once_a_second(duty: Promote, reign: Reign):
    await duty.round(reign)
    began = monotonic()
    await duty.rest(duty.period, reign)
    assert 0.9 <= monotonic() - began < 10
