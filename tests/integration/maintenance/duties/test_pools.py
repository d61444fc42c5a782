"""Requests become drains, drains that nobody requests any more are lifted, decisions become rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from tests.fixtures.clock import Clock
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import Rename, Shop

from corral.dispatch import Dispatch
from corral.errors import LeaseLost, SchemaMismatch
from corral.maintenance.due_work import DueWorkDuty
from corral.maintenance.duties.pools import KEEP_DRAINS_SECONDS, PoolDuties
from corral.maintenance.duty import DutyReport, perform
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.scaling.drain_request import DrainRequest
from corral.store import Store
from corral_testing.conformance.deciding import decision


@pytest.fixture
def duty(store: Store, dispatch: Dispatch, clock: Clock) -> PoolDuties:
    return PoolDuties(store, dispatch, clock=clock)


async def drains(store: Store) -> dict[str, str | None]:
    """Who drains which worker."""
    return {worker.name: worker.drained_by for worker in await store.workers.live() if worker.draining}


async def ask(dispatch: Dispatch, *workers: str, pool: str = "io") -> None:
    await dispatch.drain_requests.write(pool, {name: DrainRequest("n") for name in workers})


async def begun(duty: PoolDuties, reign: Reign, shop: Shop) -> None:
    """Three workers, and a leader that has looked once."""
    for name in ("io-a", "io-b", "io-c"):
        await shop.worker(name)
    await duty.round(reign)


async def test_the_wished_are_drained_and_no_others(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a", "io-b", "gone")
    assert await duty.round(reign) == 2
    assert await drains(store) == {"io-a": "pool:io", "io-b": "pool:io"}
    await ask(dispatch, "io-b")
    assert await duty.round(reign) == 1
    assert await drains(store) == {"io-b": "pool:io"}
    await ask(dispatch)
    await duty.round(reign)
    assert await drains(store) == {}


@asynccontextmanager
async def attended(duty: PoolDuties, store: Store, reign: Reign) -> AsyncIterator[None]:
    """The duty beside the look for all duties, as a leader performs both."""
    looking = DueWorkDuty(store, [duty])
    looking.period = duty.period = 0.05
    tasks = [asyncio.create_task(perform(one, reign, DutyReport(one.period))) for one in (looking, duty)]
    try:
        yield
    finally:
        reign.over.set()
        await asyncio.gather(*tasks)


async def test_what_autoscalers_write_is_heard_although_somebody_looks_for_work_in_postgres(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await shop.worker("io-a")
    async with attended(duty, store, reign):
        await eventually_async(lambda: looked(duty))
        await ask(dispatch, "io-a")

        async def drained() -> bool:
            return await drains(store) == {"io-a": "pool:io"}

        await eventually_async(drained)
        made = decision()
        await dispatch.pools.record(made)

        async def stored() -> bool:
            return list((await store.scaling.page(made.pool)).items) == [made]

        await eventually_async(stored)


async def test_drains_that_nobody_requests_are_lifted_although_somebody_looks_for_work_in_postgres(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, clock: Clock
):
    await shop.worker("io-a")
    await store.workers.drain_for(["io-a"], "pool:io", reign.term)
    async with attended(duty, store, reign):

        async def lifted() -> bool:
            clock.pass_by(0.2)  # some for each round: a longer gap would begin the observation anew
            return not await drains(store)

        await eventually_async(lifted, timeout=120)


async def test_a_request_that_is_withdrawn_is_heard_before_the_drain_is_found_in_postgres(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    assert await duty.round(reign) == 1
    duty.looked_for(found=False)
    await ask(dispatch)
    await duty.round(reign)
    assert await drains(store) == {}


async def looked(duty: PoolDuties) -> bool:
    """Whether somebody looks, and has found nothing."""
    return duty._attended


async def test_a_person_keeps_a_worker_draining_that_the_pool_would_have_back(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await store.workers.drain("io-a", "ann")
    await ask(dispatch, "io-a", "io-b")
    await duty.round(reign)
    await store.workers.drain("io-b", "ann")
    await ask(dispatch)
    await duty.round(reign)
    assert await drains(store) == {"io-a": "ann", "io-b": "ann"}


async def test_one_pool_does_not_lift_what_another_wishes(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await ask(dispatch, pool="cpu")
    await duty.round(reign)
    await ask(dispatch, pool="cpu")
    await duty.round(reign)
    assert await drains(store) == {"io-a": "pool:io"}


async def test_a_worker_that_restarts_under_its_name_is_drained_again(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await duty.round(reign)
    again = await shop.worker("io-a")
    await ask(dispatch, "io-a")
    await duty.round(reign)
    record = await store.workers.get(again)
    assert record is not None
    assert record.drained_by == "pool:io"


async def test_wishes_that_were_wiped_hold_for_a_minute_and_are_lifted_then(
    shop: Shop,
    duty: PoolDuties,
    reign: Reign,
    store: Store,
    *,
    dispatch: Dispatch,
    redis: Redis,
    clock: Clock,
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await duty.round(reign)
    await redis.flushall()
    for _ in range(int(KEEP_DRAINS_SECONDS)):
        await duty.round(reign)
        assert await drains(store) == {"io-a": "pool:io"}
        clock.pass_by(1.0)
    await duty.round(reign)
    assert await drains(store) == {}


async def test_wishes_that_stand_still_are_not_believed(
    shop: Shop,
    duty: PoolDuties,
    reign: Reign,
    store: Store,
    *,
    dispatch: Dispatch,
    redis: Redis,
    clock: Clock,
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await duty.round(reign)
    stands = await redis.hget("corral:drains", "io")
    await store.workers.undrain(["io-a"], "pool:io", reign.term)
    await duty.round(reign)
    assert await drains(store) == {}  # nobody has asked for it since
    await redis.hset("corral:drains", "io", stands or "")
    await duty.round(reign)
    assert await drains(store) == {}


async def test_a_new_leader_waits_until_wishes_move(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, *, dispatch: Dispatch, clock: Clock
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    successor = PoolDuties(store, dispatch, clock=clock)
    await successor.round(reign)
    assert await drains(store) == {}
    await ask(dispatch, "io-a")
    await successor.round(reign)
    assert await drains(store) == {"io-a": "pool:io"}


@pytest.mark.parametrize("how", ["postgres", "gap", "leader"])
async def test_silence_that_was_not_observed_does_not_count(
    shop: Shop,
    duty: PoolDuties,
    reign: Reign,
    store: Store,
    *,
    dispatch: Dispatch,
    redis: Redis,
    clock: Clock,
    rename: Rename,
    how: str,
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await duty.round(reign)
    await redis.flushall()
    await duty.round(reign)
    for _ in range(int(KEEP_DRAINS_SECONDS) - 1):
        clock.pass_by(1.0)
        await duty.round(reign)
    match how:
        case "postgres":
            await rename("workers", "elsewhere")
            with pytest.raises(SchemaMismatch):
                await duty.round(reign)
            await rename("elsewhere", "workers")
            duty.failed()
        case "gap":
            clock.pass_by(30.0)
        case "leader":
            duty = PoolDuties(store, dispatch, clock=clock)
    await duty.round(reign)
    clock.pass_by(2.0)
    await duty.round(reign)
    assert await drains(store) == {"io-a": "pool:io"}


async def test_a_leader_whose_term_is_over_drains_and_lifts_nothing(
    shop: Shop, duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    await begun(duty, reign, shop)
    await ask(dispatch, "io-a")
    await duty.round(reign)
    await reign.give_up()
    assert await LeaderCandidate(store.leases, "next").look() is not None
    await ask(dispatch, "io-b")
    with pytest.raises(LeaseLost):
        await duty.round(reign)
    assert await drains(store) == {"io-a": "pool:io"}


async def test_decisions_are_kept_once_even_by_two_leaders_and_over_a_wipe(
    duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch, *, redis: Redis, clock: Clock
):
    decisions = [decision(number=number) for number in range(450)]
    for one in decisions:
        await dispatch.pools.record(one)
    assert await duty.round(reign) == 450
    assert await duty.round(reign) == 0
    assert await PoolDuties(store, dispatch, clock=clock).round(reign) == 0
    await redis.flushall()
    later = decision(number=7)
    await dispatch.pools.record(decisions[-1])
    await dispatch.pools.record(later)
    assert await duty.round(reign) == 1
    page = await store.scaling.page("io", limit=500)
    assert list(page.items) == [later, *reversed(decisions)]


async def test_a_decision_that_cannot_be_kept_hides_no_other(
    duty: PoolDuties, reign: Reign, store: Store, dispatch: Dispatch
):
    before, after = decision(number=1), decision(number=2)
    for one in (before, replace(decision(), after=2**40), after):
        await dispatch.pools.record(one)
    assert await duty.round(reign) == 2
    assert list((await store.scaling.page("io")).items) == [after, before]
