"""Rule 25, where it is about transactions."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from corral.errors import LeaseLost, Unavailable
from corral.store import Store
from corral.store.leader.leases import hold
from corral.store.postgres.database import SHORT


async def test_a_duty_under_way_lets_its_leader_renew_and_keeps_a_successor_out(store: Store) -> None:
    term = await store.leases.acquire("one", None)
    assert term is not None
    async with store.database.transaction() as transaction:
        await hold(transaction, term)
        renewed = await store.leases.renew(term)
        with pytest.raises(Unavailable, match="lock timeout"):
            await store.leases.acquire("two", renewed)
    assert await store.leases.acquire("two", renewed) is not None


async def test_a_frozen_leader_within_a_duty_is_replaced(store: Store, database_url: str) -> None:
    """Its transaction is idle, and the server ends it; when it wakes it writes nothing."""
    term = await store.leases.acquire("one", None)
    assert term is not None
    frozen, awake = asyncio.Event(), asyncio.Event()

    async def duty() -> None:
        async with store.database.transaction(replace(SHORT, idle=0.5)) as transaction:
            await hold(transaction, term)
            frozen.set()
            await awake.wait()
            await transaction.count("DELETE FROM corral.leases")

    task = asyncio.create_task(duty())
    await frozen.wait()
    taken = await store.leases.acquire("two", term)
    assert taken is not None
    awake.set()
    with pytest.raises(Unavailable):
        await task
    assert await store.leases.read() == taken


async def test_of_many_candidates_one_wins(store: Store) -> None:
    for _ in range(5):
        seen = await store.leases.read()
        names = [f"candidate {number}" for number in range(6)]
        terms = await asyncio.gather(*(store.leases.acquire(name, seen) for name in names))
        winners = [term for term in terms if term is not None]
        assert len(winners) == 1
        assert await store.leases.read() == winners[0]


async def test_an_acquisition_whose_answer_was_lost_is_found_out(store: Store) -> None:
    """The candidate asks again with what it saw before; the lease is its own by now."""
    first = await store.leases.acquire("one", None)
    assert first is not None
    lost = await store.leases.acquire("two", first)
    again = await store.leases.acquire("two", first)
    assert lost is not None
    assert again is not None
    assert again.term == lost.term + 1
    with pytest.raises(LeaseLost):
        await store.leases.renew(lost)


async def test_a_duty_waits_for_a_change_of_leader_and_then_writes_nothing(
    store: Store, sql: psycopg.Connection
) -> None:
    term = await store.leases.acquire("one", None)
    assert term is not None
    with sql.transaction():
        sql.execute("UPDATE corral.leases SET term = term + 1, holder = 'two'")
        task = asyncio.create_task(store.duties.promote(term))
        await asyncio.sleep(0)
    with pytest.raises(LeaseLost):
        await task
