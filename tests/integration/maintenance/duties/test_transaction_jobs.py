"""The leader hands over what callers' transactions commit (protocol rule 4)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import TYPE, Shop

from corral import metrics
from corral.catalog.declaration import job_type
from corral.catalog.record import record_of
from corral.dispatch import Dispatch
from corral.maintenance.duties.transaction_jobs import HandOverTransactionJobs
from corral.maintenance.duty import DutyReport, perform
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.transaction import TransactionClient

LISTENING = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = current_database()"


@pytest.fixture
async def listening(store: Store, dispatch: Dispatch, reign: Reign) -> AsyncIterator[DutyReport]:
    """The duty, under way."""
    await store.registration.register([record_of(job_type(TYPE, queue="email"))])
    duty = HandOverTransactionJobs(store, dispatch)
    report = DutyReport(duty.period)
    performing = asyncio.create_task(perform(duty, reign, report))
    await eventually_async(lambda: report.rounds > 0)
    yield report
    performing.cancel()
    with suppress(asyncio.CancelledError):
        await performing


async def test_a_job_is_in_its_lane_as_soon_as_its_transaction_commits(
    listening: DutyReport, shop: Shop, database_url: str
):
    jobs = TransactionClient()
    counted = metrics.JOBS_SUBMITTED.labels("email", TYPE)._value
    before = counted.get()
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        told = await jobs.submit_many(connection, [{"type": TYPE}] * 450)
        gone = await jobs.submit(connection, TYPE)
        async with await psycopg.AsyncConnection.connect(database_url) as other:
            await jobs.submit(other, TYPE)
            await other.rollback()
        assert await shop.pop() == [], "nothing is dispatched before the commit"
        await connection.commit()
    popped: list[object] = []

    async def all_popped() -> bool:
        popped.extend(await shop.pop())
        return len(popped) == 451

    await eventually_async(all_popped)
    assert set(popped) == {gone.id, *(one.id for one in told)}
    assert listening.done == 451
    assert counted.get() == before + 451


async def test_whoever_listens_rests_until_something_is_sent(store: Store, monkeypatch: pytest.MonkeyPatch):
    loop, timers = asyncio.get_running_loop(), 0
    later = loop.call_later

    def counted(*arguments, **options):
        nonlocal timers
        timers += 1
        return later(*arguments, **options)

    notices = await store.transaction_jobs.listen()
    monkeypatch.setattr(loop, "call_later", counted)
    assert await notices.heard(1.0) == []
    assert timers <= 4, "psycopg's own way to wait looks ten times a second"
    await notices.close()


async def test_a_listener_whose_connection_broke_listens_again(
    listening: DutyReport, shop: Shop, database_url: str
):
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        row = await (await connection.execute(LISTENING)).fetchone()
        assert row is not None
        await connection.execute("SELECT pg_terminate_backend(%s)", row)

        async def another() -> bool:
            now = await (await connection.execute(LISTENING)).fetchone()
            return now is not None and now != row

        await eventually_async(another)
        await connection.execute(
            "SELECT pg_notify('corral:corral', 'nonsense'), pg_notify('corral:corral', 'new a,b')"
        )
        told = await TransactionClient().submit(connection, TYPE)
    await eventually_async(lambda: listening.done == 1)
    assert await eventually_async(shop.pop) == [told.id]
