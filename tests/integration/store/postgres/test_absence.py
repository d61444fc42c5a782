"""Postgres goes away and comes back; nobody has to be restarted."""

import asyncio
from collections.abc import Callable
from threading import Timer
from uuid import uuid4

import psycopg
import pytest
from tests.contract.subjects import of_store
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async

from corral.errors import SchemaMismatch, Unavailable
from corral.store import Heartbeat, Store, migrations
from corral.store.postgres.connection import connect
from corral.store.postgres.connections import ConnectionPool
from corral.store.postgres.deadline import Deadline, Later, in_a_thread, on_the_loop
from corral_local.servers.postgres import EmbeddedPostgres
from corral_testing.subject import SUCCEEDED


@pytest.fixture
def server(own_postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    migrations.upgrade(own_postgres.url)
    return own_postgres


async def test_a_restart_goes_unnoticed_by_those_who_were_idle(server: EmbeddedPostgres) -> None:
    async with of_store(server.url) as subject:
        worker, id = await subject.worker(), await subject.submit()
        heart = subject.heartbeat(worker)
        assert (await asyncio.to_thread(heart.beat, [], {})).known
        await subject.running(worker, id)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert (await subject.job(id)).attempt == 1
        await subject.finish(worker, id, 1, SUCCEEDED)
        assert (await asyncio.to_thread(_beat, heart)).known


def _beat(heart: Heartbeat):
    """A heartbeat has one connection and finds out by using it."""
    with pytest.raises(Unavailable):
        heart.beat([], {})
    return heart.beat([], {})


async def test_while_it_is_away_everyone_is_told_so(server: EmbeddedPostgres) -> None:
    store = Store.open(server.url, pool_size=2)
    await store.jobs.page()
    await asyncio.to_thread(server.stop)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await store.jobs.page()
        with pytest.raises(Unavailable):
            await store.claims.claimed_under(uuid4())
    await asyncio.to_thread(server.start)

    async def back() -> bool:
        return (await store.jobs.page()).items == []

    await eventually_async(back, ignoring=(Unavailable,))
    await store.close()


async def test_a_peer_that_answers_nothing_is_given_up(database_url: str) -> None:
    with Proxy(database_url) as proxy:
        pool = ConnectionPool(proxy.url, size=1, application_name="test", margin_seconds=0.2)
        async with pool.connection(60.0) as driver:
            await driver.execute("SELECT 1")
        proxy.freeze()
        with pytest.raises(Unavailable, match="no answer in time"):
            async with pool.connection(0.1) as driver:
                await driver.execute("SELECT 1")
        proxy.heal()
        async with pool.connection(60.0) as driver:
            assert await (await driver.execute("SELECT 7")).fetchone() == (7,)
        await pool.close()


@pytest.mark.parametrize("later", [on_the_loop, in_a_thread])
async def test_a_connection_without_an_answer_is_broken_off_in_time(database_url: str, later: Later) -> None:
    """The heartbeat's thread and the event loop have one deadline, with two ways to be woken."""
    with Proxy(database_url) as proxy:
        connection = await asyncio.to_thread(connect, proxy.url, "test")
        proxy.freeze()
        deadline = Deadline(later, margin_seconds=0.2)
        deadline.set(connection, 0.1)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.to_thread(connection.execute, "SELECT 1")
        assert deadline.passed
        connection.close()


def test_a_deadline_that_comes_right_after_the_answer_breaks_nothing_off(database_url: str) -> None:
    calls: list[Callable[[], None]] = []
    deadline = Deadline(lambda _seconds, call: calls.append(call) or Timer(0, call))
    with connect(database_url, "test") as connection:
        deadline.set(connection, 60.0)
        deadline.begin_anew()
        calls[0]()
        deadline.lift()
        calls[1]()
        assert not deadline.passed
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_more_work_than_connections_waits_or_is_told(database_url: str) -> None:
    pool = ConnectionPool(database_url, size=1, application_name="test", wait_seconds=0.1)
    async with pool.connection(60.0) as driver:
        await driver.execute("SELECT 1")
        with pytest.raises(Unavailable, match="every connection"):
            async with pool.connection(60.0):
                pass
    await pool.close()


async def test_a_database_without_tables_says_what_helps(postgres_url: str) -> None:
    store = Store.open(postgres_url, pool_size=1)
    with pytest.raises(SchemaMismatch, match="corral migrate") as raised:
        await store.jobs.page()
    assert raised.value.wait
    await store.close()
