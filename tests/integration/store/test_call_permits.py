"""Permits to call providers: several budgets at once, on Postgres' clock, for attempts that hold their jobs."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.priority import Priority
from corral.store import Store
from corral.store.call_permits import CallPermit, PermitVerdict

PROVIDER = "overpass"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store.open(database_url, pool_size=8, application_name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def job(store: Store) -> UUID:
    """A job that runs, in its first attempt."""
    new = NewJob(
        id=new_id(),
        type="t",
        queue="q",
        priority=Priority.NORMAL,
        payload="1",
        retries=0,
        timeout=None,
        max_stalls=0,
    )
    await store.jobs.insert([new])
    await store.database.run(
        "UPDATE corral.jobs SET state = 'running', attempt = 1, queued_at = NULL, started_at = now() WHERE id = %(id)s",
        {"id": new.id},
    )
    return new.id


async def provider(store: Store, **values: Any) -> None:
    await store.providers.set(PROVIDER, {"url": "https://example.com", **values}, "test", None)


async def takes(store: Store, job: UUID, count: int, **options: Any) -> list[CallPermit]:
    return await asyncio.gather(*(store.call_permits.take(PROVIDER, job, 1, **options) for _ in range(count)))


def verdicts(permits: list[CallPermit]) -> Counter[str]:
    return Counter(one.verdict.value for one in permits)


async def test_no_window_of_a_second_has_more_however_many_ask_at_once(store: Store, job: UUID):
    """Wherever within `transit` each request arrives, n + 1 of them lie a second apart."""
    await provider(store, per_second=10, transit=0.05)
    arrivals: list[tuple[float, float]] = []

    async def take() -> None:
        asked = time.monotonic()
        permit = await store.call_permits.take(PROVIDER, job, 1, max_wait=100)
        assert permit.verdict is PermitVerdict.GRANTED
        arrivals.append((asked + permit.wait, time.monotonic() + permit.wait))

    began = time.monotonic()
    await asyncio.gather(*(take() for _ in range(40)))
    # As rows say it: the exact times are those of Postgres.
    waits = sorted(one for _, one in arrivals)
    slack = time.monotonic() - began
    for first, last in zip(waits, waits[10:], strict=False):
        assert last - first >= 1.05 - slack
    assert waits[-1] - began >= 3 * 1.05 - slack
    assert waits[-1] - began <= 3 * 1.05 + slack + 0.2  # and 95 % of what is allowed is used


async def test_rows_hold_the_last_arrivals_exactly(store: Store, job: UUID):
    await provider(store, per_second=3, transit=0.1)
    await takes(store, job, 9, max_wait=100)
    [[arrivals]] = await store.database.run("SELECT arrivals FROM corral.providers")
    assert len(arrivals) == 3
    waits = [one.wait for one in await takes(store, job, 3, max_wait=100)]
    assert max(waits) == pytest.approx(3 * 1.1, abs=0.5)


async def test_who_would_wait_long_is_told_so_and_takes_nothing(store: Store, job: UUID):
    await provider(store, per_second=0.5)  # one in two seconds
    first, second = (
        await store.call_permits.take(PROVIDER, job, 1),
        await store.call_permits.take(PROVIDER, job, 1),
    )
    assert (first.verdict, second.verdict) == (PermitVerdict.GRANTED, PermitVerdict.GRANTED)
    assert second.wait == pytest.approx(2.25, abs=0.3)
    refused = [await store.call_permits.take(PROVIDER, job, 1, max_wait=3) for _ in range(3)]
    assert verdicts(refused) == {"second": 3}
    assert 3 < refused[-1].wait < 5


async def test_a_day_has_so_many_requests_and_not_one_more(store: Store, job: UUID):
    await provider(store, per_day=7)
    assert verdicts(await takes(store, job, 20)) == {"granted": 7, "day": 13}
    refused = await store.call_permits.take(PROVIDER, job, 1)
    assert 24 * 3600 <= refused.wait <= 24.5 * 3600
    yesterday = "UPDATE corral.providers SET day_from = ARRAY[day_from[1] - 24.5 * 3600 - 1800]"
    await store.database.run(yesterday)
    assert verdicts(await takes(store, job, 8)) == {"granted": 7, "day": 1}


async def test_bytes_are_reserved_until_the_answer_says_how_many_there_were(store: Store, job: UUID):
    await provider(store, max_bytes=100, bytes_per_day=250)
    permits = await takes(store, job, 4)
    assert verdicts(permits) == {"granted": 2, "bytes": 2}
    for one in permits:
        if one.verdict is PermitVerdict.GRANTED:
            await store.call_permits.settle(PROVIDER, one, 20)
    assert verdicts(await takes(store, job, 4)) == {"granted": 2, "bytes": 2}  # 40, 140, 240


async def test_a_refusal_takes_nothing_of_any_budget(store: Store, job: UUID):
    await provider(store, per_second=100, per_day=100, max_bytes=100, bytes_per_day=100)
    assert verdicts(await takes(store, job, 5)) == {"granted": 1, "bytes": 4}
    [[arrivals, requests]] = await store.database.run("SELECT arrivals, day_requests FROM corral.providers")
    assert (len(arrivals), requests) == (1, [1.0])


async def test_an_attempt_that_lost_its_job_gets_none(store: Store, job: UUID):
    """A worker that was frozen, and whose job another one has: it must not call beside it."""
    await provider(store)
    assert (await store.call_permits.take(PROVIDER, job, 2)).verdict is PermitVerdict.LOST
    assert (await store.call_permits.take(PROVIDER, uuid4(), 1)).verdict is PermitVerdict.LOST
    await store.database.run(
        "UPDATE corral.jobs SET state = 'queued', queued_at = now() WHERE id = %(id)s", {"id": job}
    )
    assert (await store.call_permits.take(PROVIDER, job, 1)).verdict is PermitVerdict.LOST
    assert (await store.call_permits.take("nobody", job, 1)).verdict is PermitVerdict.UNKNOWN


async def test_a_provider_that_has_too_much_to_do_is_left_alone_by_all(store: Store, job: UUID):
    await provider(store)
    await store.call_permits.park(PROVIDER, 30)
    await store.call_permits.park(PROVIDER, 5)  # does not shorten it
    parked = await store.call_permits.take(PROVIDER, job, 1)
    assert parked.verdict is PermitVerdict.PARKED
    assert 25 < parked.wait <= 30
