"""A pool of connections: as many as it may have at once, and each given back."""

import asyncio

import psycopg
import pytest

from corral.errors import Unavailable
from corral.store.postgres.connections import ConnectionPool

SECONDS = 5.0


async def _pid(pool: ConnectionPool) -> int:
    async with pool.connection(SECONDS) as driver:
        return driver.info.backend_pid


async def test_a_connection_is_used_again(database_url: str):
    pool = ConnectionPool(database_url, size=2, application_name="test")
    assert await _pid(pool) == await _pid(pool)
    await pool.close()


async def test_one_that_fits_is_preferred_to_the_last_one(database_url: str):
    pool = ConnectionPool(database_url, size=2, application_name="test")
    async with pool.connection(SECONDS) as first:
        await _pid(pool)
    async with pool.connection(SECONDS) as last:
        assert last is first
    async with pool.connection(SECONDS, fits=lambda driver: driver is not first) as other:
        assert other is not first
    async with pool.connection(SECONDS, fits=lambda _: False) as whichever:
        assert whichever is other, "the last one where none fits: no third one is opened"
    await pool.close()


async def test_who_finds_none_free_waits_for_its_turn(database_url: str):
    pool = ConnectionPool(database_url, size=1, application_name="test")
    async with pool.connection(SECONDS) as driver:
        waiting = asyncio.create_task(_pid(pool))
        cancelled = asyncio.create_task(_pid(pool))
        await asyncio.sleep(0)
        cancelled.cancel()
        pid = driver.info.backend_pid
    assert await waiting == pid
    assert await _pid(pool) == pid  # the one that gave up took nothing
    await pool.close()


async def test_who_waits_too_long_is_told_so(database_url: str):
    pool = ConnectionPool(database_url, size=1, application_name="test", wait_seconds=0.05)
    async with pool.connection(SECONDS):
        with pytest.raises(Unavailable, match="every connection of the pool is in use"):
            await _pid(pool)
    await _pid(pool)
    await pool.close()


async def test_a_connection_left_in_a_transaction_is_not_used_again(database_url: str):
    pool = ConnectionPool(database_url, size=1, application_name="test")
    async with pool.connection(SECONDS) as driver:
        await driver.execute("BEGIN")
        left = driver.info.backend_pid
    assert driver.closed
    assert await _pid(pool) != left
    await pool.close()


async def test_where_no_connection_can_be_opened_the_turn_is_given_back(database_url: str):
    pool = ConnectionPool(
        psycopg.conninfo.make_conninfo(database_url, port="1", host="127.0.0.1"),
        size=1,
        application_name="test",
        wait_seconds=0.05,
    )
    for _ in range(3):
        with pytest.raises(Unavailable, match=r"(?i)connection"):
            await _pid(pool)
