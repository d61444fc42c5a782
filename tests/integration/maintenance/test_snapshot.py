"""A snapshot that somebody holds open keeps the entries of what is done; the duties read them seldom, and miss nothing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Dispatch
from corral.job.lane import Lane
from corral.job.outcome import Finished, Succeeded
from corral.job.priority import Priority
from corral.maintenance.duties.backlog_signal import BacklogSignalDuty
from corral.maintenance.duties.promote import Promote
from corral.maintenance.duties.sweep import Sweep
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.store.workers.heartbeat import Heartbeat

DONE = 1000
FLUSH = "SELECT pg_stat_force_next_flush()"


class Ahead:
    """A clock that runs as ever, and jumps when the test says so."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def ahead() -> Ahead:
    return Ahead()


DEAR: dict[str, float] = {"share": 1e-9, "free": 0.0}
"""Every look counts as one that took far too long, as it is with millions of dead entries."""


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE corral.jobs SET (autovacuum_enabled = off)")
        yield connection


@contextmanager
def snapshot(sql: psycopg.Connection, database_url: str) -> Iterator[None]:
    """Somebody holds one of what is there now; of what was there before nothing is left in the indexes."""
    sql.execute("VACUUM corral.jobs")
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT id FROM corral.jobs LIMIT 1")
        yield


async def entries_read(
    shop: Shop, sql: psycopg.Connection, index: str, also: psycopg.Connection | None = None
) -> int:
    """How many entries of an index all scans of the store, and of another connection, have returned so far."""
    if also is not None:
        also.execute(FLUSH)
    await asyncio.gather(*(shop.store.database.run(FLUSH) for _ in range(4)))  # whichever connection it was
    sql.execute("SELECT pg_stat_clear_snapshot()")
    row = sql.execute(
        "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = %s", (index,)
    ).fetchone()
    assert row is not None
    return int(row[0])


async def run(shop: Shop, worker: UUID, jobs: list[UUID]) -> None:
    """Claim them and complete them."""
    claimed = await shop.claim(worker, jobs)
    assert len(claimed) == len(jobs)
    await shop.store.attempts.finish(worker, [Finished(job, 1, Succeeded("null")) for job in jobs])


async def test_rounds_of_the_sweep_begin_behind_what_is_done(
    shop: Shop, reign: Reign, sql: psycopg.Connection, database_url: str, ahead: Ahead
):
    jobs, worker = await shop.submit(DONE, age=300), await shop.worker()
    waiting = await shop.submit(3, age=20)
    duty = Sweep(shop.store, shop.dispatch, clock=ahead, **DEAR)
    with snapshot(sql, database_url):
        await run(shop, worker, jobs)
        await duty.round(reign)  # a full pass: nobody led before
        before = await entries_read(shop, sql, "jobs_queued")
        await duty.round(reign)
        whole = await entries_read(shop, sql, "jobs_queued") - before
        assert whole >= DONE, "the snapshot keeps the entries"
        await duty.round(reign)
        assert await entries_read(shop, sql, "jobs_queued") - before - whole < 20
    assert await shop.pop() == waiting


async def test_what_is_queued_late_below_a_floor_is_found_within_a_minute(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, ahead: Ahead
):
    duty = Sweep(store, dispatch, clock=ahead, **DEAR)
    known = await shop.submit(age=20, enqueue=True)
    await duty.round(reign)
    await duty.round(reign)
    late, lost = await shop.submit(2, age=300), await shop.submit(2, age=10)
    unseen = await shop.submit(2, queue="unseen", age=10)
    assert await duty.round(reign) == 2, "those above the floor"
    assert await duty.round(reign) == 0
    ahead.ahead += 61
    assert await duty.round(reign) == 4
    assert set(await shop.pop()) == {*late, *known, *lost}
    assert await shop.pop(Lane("unseen", Priority.NORMAL)) == unseen


steps = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from("ab"), st.integers(0, 400)),
        st.tuples(st.just("pass"), st.just(""), st.integers(1, 45)),
        st.tuples(st.just("take"), st.sampled_from("ab"), st.just(0)),
    ),
    max_size=15,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
async def test_no_lost_job_is_left_out_for_longer_than_a_minute(
    store: Store, dispatch: Dispatch, redis: Redis, steps: list[tuple[str, str, int]]
):
    """Jobs become queued at any age, lists are emptied, time passes; each step ends with a round."""
    await redis.flushall()
    await store.database.run("TRUNCATE corral.jobs")
    term = await store.leases.acquire("leader", await store.leases.read())
    assert term is not None
    shop, clock = Shop(store, dispatch), Ahead()
    reign, duty = Reign(store.leases, term, None, clock), Sweep(store, dispatch, clock=clock, **DEAR)
    for _ in range(2):  # a full pass, and a look at all lists
        await duty.round(reign)
    lost: dict[UUID, tuple[str, float, int]] = {}
    for step, queue, number in steps:
        if step == "arrive":
            (job,) = await shop.submit(queue=queue, age=number)
            lost[job] = (queue, clock(), number)
        elif step == "pass":
            clock.ahead += number
            await shop.age(list(lost), number)
        else:
            await store.jobs.cancel([job for job, (of, _, _) in lost.items() if of == queue], "ann")
            lost = {job: what for job, what in lost.items() if what[0] != queue}
        await duty.round(reign)
        known = {job for queue in "ab" for job in map(str, await redis.lrange(f"rq:queue:{queue}", 0, -1))}
        for job, (_, since, age) in lost.items():
            waited = clock() - since
            assert str(job) in known or waited < 60 or waited + age < 6


async def test_the_promoter_begins_behind_what_it_has_queued(
    shop: Shop, reign: Reign, sql: psycopg.Connection, database_url: str, ahead: Ahead
):
    await shop.submit(DONE, delay=0.001)
    sql.execute("UPDATE corral.jobs SET run_at = run_at - interval '1 hour'")
    duty = Promote(shop.store, shop.dispatch, clock=ahead, **DEAR)
    with snapshot(sql, database_url):
        assert await duty.round(reign) == DONE
        ahead.ahead += 61
        before = await entries_read(shop, sql, "jobs_scheduled")
        assert await duty.round(reign) == 0
        whole = await entries_read(shop, sql, "jobs_scheduled") - before
        assert whole >= DONE, "the snapshot keeps the entries"
        later = await shop.submit(1, delay=0.001)
        await shop.until_due(later)
        assert await duty.round(reign) == 1
        assert await entries_read(shop, sql, "jobs_scheduled") - before - whole < 20
    assert len(await shop.pop(room=DONE)) == DONE
    assert await shop.pop() == later


async def test_a_job_that_shows_up_long_after_its_time_is_queued_within_a_minute(
    shop: Shop, reign: Reign, sql: psycopg.Connection, ahead: Ahead
):
    duty = Promote(shop.store, shop.dispatch, clock=ahead, **DEAR)
    await duty.round(reign)
    await shop.submit(1, delay=0.001)
    sql.execute("UPDATE corral.jobs SET run_at = run_at - interval '1 hour'")
    assert await duty.round(reign) == 0
    ahead.ahead += 61
    assert await duty.round(reign) == 1


async def test_a_heartbeat_finds_what_is_held_by_its_ids_and_what_is_not_within_a_minute(
    shop: Shop, sql: psycopg.Connection, database_url: str, ahead: Ahead
):
    worker, other, done = await shop.worker(), await shop.worker("other"), await shop.submit(DONE)
    kept, dropped, taken = await shop.submit(3)
    with snapshot(sql, database_url), heart_of(database_url, worker, ahead) as (heart, connection):
        await run(shop, worker, done)
        await claim_long_ago(shop, sql, worker, [kept, dropped, taken])
        before = await entries_read(shop, sql, "jobs_running", connection)
        assert [job.id for job in heart.beat([(kept, 1), (taken, 1)], {}).released] == [dropped]
        whole = await entries_read(shop, sql, "jobs_running", connection) - before
        assert whole >= DONE, "the snapshot keeps the entries"
        await claim_long_ago(shop, sql, worker, [dropped])
        await shop.store.jobs.cancel([kept], "ann")
        sql.execute("UPDATE corral.jobs SET worker = %s WHERE id = %s", (other, taken))
        before = await entries_read(shop, sql, "jobs_running", connection)
        beat = heart.beat([(kept, 1), (taken, 1)], {})
        assert (beat.cancels, beat.stolen, beat.released) == ({kept}, {(taken, 1)}, ())
        assert await entries_read(shop, sql, "jobs_running", connection) == before
        ahead.ahead += 61
        assert [job.id for job in heart.beat([(kept, 1)], {}).released] == [dropped]


@contextmanager
def heart_of(url: str, worker: UUID, clock: Ahead) -> Iterator[tuple[Heartbeat, psycopg.Connection]]:
    """A worker's heartbeat, and its connection."""
    with Heartbeat(url, "corral", worker, clock=clock, **DEAR) as heart:
        yield heart, heart._connected()


async def claim_long_ago(shop: Shop, sql: psycopg.Connection, worker: UUID, jobs: list[UUID]) -> None:
    assert len(await shop.claim(worker, jobs)) == len(jobs)
    sql.execute(
        "UPDATE corral.jobs SET started_at = started_at - interval '11 s' WHERE id = ANY(%s)", (jobs,)
    )


async def test_what_workers_run_is_counted_again_within_ten_seconds(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, ahead: Ahead
):
    duty, worker = BacklogSignalDuty(store, dispatch, clock=ahead, **DEAR), await shop.worker()

    async def running() -> int:
        await duty.round(reign)
        signal = await dispatch.backlog.read()
        assert signal is not None
        return signal.workers["w"].running

    assert await running() == 0
    await shop.claim(worker, await shop.submit(2))
    assert await running() == 0
    ahead.ahead += 11
    assert await running() == 2
