"""Leading as a whole: as a task, and as `python -m corral.maintenance`."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually, eventually_async
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.run import run
from corral.settings import Settings
from corral.store import Store
from corral_local.servers.valkey import EmbeddedValkey

SUSPECTS = Lane("email", Priority.NORMAL, suspect=True)
DUTIES = {
    *("promote", "reclaim", "sweep", "expire", "pauses", "signal", "pools"),
    *(
        "fold",
        "retention",
        "orphans",
        "rq",
        "status",
        "limits",
        "limit-evaluation",
        "unique-keys",
        "mail-hold",
        "schedules",
        "feeds",
        "webhooks",
        "transaction-jobs",
        "due-work",
    ),
}


def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, heartbeat=0.2, lease=1.0)


@asynccontextmanager
async def leading(store: Store, dispatch: Dispatch, given: Settings) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    running = asyncio.create_task(run(store, dispatch, given, stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


async def test_a_leader_promotes_reclaims_and_reports_until_told_to_stop(
    shop: Shop, store: Store, dispatch: Dispatch, database_url: str, redis_url: str
):
    (delayed,) = await shop.submit(delay=0.2)
    (stalled,) = await shop.submit()
    await shop.claim(await shop.worker(), [stalled])
    async with leading(store, dispatch, settings(database_url, redis_url)):
        assert await eventually_async(shop.pop) == [delayed]
        assert await eventually_async(lambda: shop.pop(SUSPECTS)) == [stalled]
        board = await eventually_async(dispatch.duties.read)
        assert set(board.duties) == DUTIES
        assert await eventually_async(dispatch.backlog.read)
    lease = await store.leases.read()
    assert lease is not None
    assert lease.holder == "", "given up, so that the next one need not wait"


async def test_leading_goes_on_while_redis_is_away_and_after(
    store: Store, database_url: str, own_valkey: EmbeddedValkey
):
    dispatch = Dispatch.open(own_valkey.url)
    shop = Shop(store, dispatch)
    async with leading(store, dispatch, settings(database_url, own_valkey.url)):
        await eventually_async(dispatch.duties.read)
        await asyncio.to_thread(own_valkey.stop)
        (delayed,) = await shop.submit(delay=0.1)
        await eventually_async(lambda: state_is(store, delayed, State.QUEUED))
        await asyncio.to_thread(own_valkey.start)
        async with Redis.from_url(own_valkey.url) as client:
            await client.flushall()
        await shop.age([delayed], 10)
        assert await eventually_async(shop.pop, timeout=START, ignoring=(Unavailable,)) == [delayed]
    await dispatch.close()


async def state_is(store: Store, job, state: State) -> bool:
    return (await store.jobs.many([job]))[0].state is state


Start = Callable[..., Process]


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start `python -m corral.maintenance`; whatever still runs at the end is killed."""
    processes: list[Process] = []

    def started(**settings: object) -> Process:
        chosen = {"database_url": database_url, "redis_url": redis_url, "metrics_port": 0} | settings
        environment = programs.environment(**chosen)
        log = tmp_path / f"maintenance-{len(processes)}.log"
        processes.append(Process("corral.maintenance", environment=environment, log=log))
        return processes[-1]

    yield started
    for process in processes:
        process.end()


@pytest.mark.slow
async def test_a_killed_leader_is_replaced_and_a_frozen_one_steps_down(store: Store, start):
    first = start()
    held_by_first = await eventually_async(lambda: held_by(store, first), timeout=START)
    second = start()
    first.send(signal.SIGSTOP)
    held_by_second = await eventually_async(lambda: held_by(store, second), timeout=40)
    assert held_by_second.term > held_by_first.term
    first.send(signal.SIGCONT)
    second.kill()
    again = await eventually_async(lambda: held_by(store, first), timeout=40)
    assert again.term > held_by_second.term, "the frozen one noticed, and stood again"


async def held_by(store: Store, process: Process):
    lease = await store.leases.read()
    return lease if lease is not None and f":{process.pid}:" in lease.holder else None


@pytest.mark.slow
async def test_sigterm_ends_it_at_once_and_in_good_order(store: Store, start):
    process = start()
    await eventually_async(lambda: held_by(store, process), timeout=START)
    process.send(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 10) == 0
    lease = await store.leases.read()
    assert lease is not None
    assert lease.holder == ""


@pytest.mark.slow
def test_it_waits_for_the_schema(postgres_url: str, start: Start):
    process = start(database_url=postgres_url)
    eventually(lambda: "corral migrate" in process.output, timeout=START)
    assert process.alive
    process.send(signal.SIGTERM)
    assert process.wait(10) == 0
