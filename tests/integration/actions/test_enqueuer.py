"""Stored jobs reach Redis behind the answer; an absent Redis holds nothing back and loses nothing."""

import asyncio

from structlog.testing import capture_logs
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.actions.conftest import Make

from corral.actions.submissions.enqueuer import Enqueuer
from corral.dispatch import Dispatch
from corral.dispatch.event import Gap, JobsChanged
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.store import Store
from corral_local.servers.valkey import EmbeddedValkey

LANE = Lane("post", Priority.NORMAL)


async def listed(dispatch: Dispatch) -> int:
    return (await dispatch.repair.depths([LANE]))[LANE].listed


async def test_queued_jobs_are_enqueued_in_order_and_told(store: Store, dispatch: Dispatch, make: Make):
    enqueuer = Enqueuer(dispatch)
    accepted = await store.jobs.insert([make() for _ in range(2500)])
    async with dispatch.events.listen() as listener:
        enqueuer.accepted(accepted[:1])
        enqueuer.accepted(accepted[1:])
        await enqueuer.close()
        told: list[object] = []
        while len(told) < 2500:
            event = await listener.get()
            if isinstance(event, JobsChanged):
                told += event.ids
            else:
                assert isinstance(event, Gap)
    popped: list[object] = []
    while found := (await dispatch.lanes.pop("w", [LANE], 1000, wait=False)).popped:
        popped += [entry.id for entry in found]
    assert popped == [job.id for job in accepted] == told


async def test_a_scheduled_job_wakes_the_promoter(store: Store, own_valkey: EmbeddedValkey, make: Make):
    """On a server of its own: the one that tests share may still hold a promoter of another test, which takes the word."""
    dispatch = Dispatch.open(own_valkey.url)
    enqueuer = Enqueuer(dispatch)
    waiting = asyncio.create_task(dispatch.hints.wait_due(10))
    enqueuer.accepted(await store.jobs.insert([make(delay=0.3)]))
    assert await waiting
    await enqueuer.close()
    assert await listed(dispatch) == 0
    await dispatch.close()


async def test_giving_never_waits_and_a_lost_chunk_is_counted(store: Store, redis_url: str, make: Make):
    with Proxy(redis_url) as proxy:
        dispatch = Dispatch.open(proxy.url)
        enqueuer = Enqueuer(dispatch)
        proxy.freeze()
        accepted = await store.jobs.insert([make() for _ in range(3)])
        with capture_logs() as logs:
            enqueuer.accepted(accepted)  # not a coroutine: it can't wait
            proxy.cut()
            await enqueuer.close()
        assert [line["left_to_the_sweep"] for line in logs if line["event"] == "submit.redis_away"] == [3]
        proxy.heal()
        enqueuer.accepted(await store.jobs.insert([make()]))

        async def there() -> bool:
            return await listed(dispatch) == 1

        await eventually_async(there)
        await dispatch.close()


async def test_the_backlog_for_an_absent_redis_is_bounded(store: Store, dispatch: Dispatch, make: Make):
    accepted = await store.jobs.insert([make() for _ in range(25)])
    enqueuer = Enqueuer(dispatch, max_backlog=10)
    with capture_logs() as logs:
        enqueuer.accepted(accepted)
    assert [line["jobs"] for line in logs] == [15]
    await enqueuer.close()
    popped = await dispatch.lanes.pop("w", [LANE], 100, wait=False)
    assert [entry.id for entry in popped.popped] == [job.id for job in accepted[15:]]
