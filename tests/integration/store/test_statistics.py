"""What happened, as numbers: appended by endings, folded by the leader, the same before and after."""

import asyncio
import random

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import JobFilter, Store
from corral.store.attempts.stat_deltas import bound
from corral.store.statistics.stats import Histogram
from corral_testing.subject import ERRED, EXHAUSTED, LONG, SUCCEEDED, Subject


async def _history(subject: Subject) -> None:
    """Of long waits and runs, beside which the seconds do not count that the statements take."""
    worker = await subject.worker()
    for outcome, number, seconds in ((SUCCEEDED, 6, 32.0), (ERRED, 2, 16.0), (EXHAUSTED, 1, 16.0)):
        ids = [await subject.submit() for _ in range(number)]
        await subject.advance(16.0)
        await subject.running(worker, *ids)
        await subject.advance(seconds)
        await subject.store.attempts.finish(worker, [Finished(id, 1, outcome) for id in ids])
    await subject.store.jobs.cancel([await subject.submit()], "ann")
    await subject.submit(delay=LONG)
    await subject.running(worker, await subject.submit())


async def test_counts_and_percentiles_survive_folding(subject: Subject, store: Store) -> None:
    await _history(subject)
    term = await subject.lead()
    for _ in range(2):
        counts = await store.stats.counts()
        assert counts == {
            State.BLOCKED: 0,
            State.SCHEDULED: 3,
            State.QUEUED: 0,
            State.RUNNING: 1,
            State.COMPLETED: 6,
            State.FAILED: 1,
            State.CANCELLED: 1,
        }
        (row,) = await store.stats.window(600, by="queue-and-type")
        assert (row.queue, row.type) == ("contract", "contract.job")
        assert row.outcomes == {"completed": 6, "errored": 2, "failed": 1, "cancelled": 1}
        assert row.run.p95 == pytest.approx(32, rel=0.2)
        assert row.wait.p50 == pytest.approx(16, rel=0.2)
        assert row.run.mean == pytest.approx((6 * 32 + 3 * 16) / 9, rel=0.1)
        assert row.per_second > 0
        assert (await store.duties.fold_stats(term)).deltas >= 0
    assert (await store.duties.fold_stats(term)).deltas == 0


async def test_folding_while_jobs_end_counts_each_once(subject: Subject, store: Store) -> None:
    term, worker = await subject.lead(), await subject.worker()
    ids = [await subject.submit() for _ in range(200)]
    await subject.running(worker, *ids)
    ended = asyncio.Event()

    async def end() -> None:
        for id in ids:
            await store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED)])
        ended.set()

    async def fold() -> None:
        while not ended.is_set():
            await store.duties.fold_stats(term, 7)

    await asyncio.gather(end(), fold())
    assert (await store.stats.counts())[State.COMPLETED] == 200
    while (await store.duties.fold_stats(term, 7)).deltas:
        pass
    assert (await store.stats.counts())[State.COMPLETED] == 200
    (row,) = await store.stats.window(600)
    assert row.outcomes == {"completed": 200}


async def test_a_window_leaves_out_what_was_before(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await _history(subject)
    await store.duties.fold_stats(await subject.lead())
    sql.execute("UPDATE corral.job_stats SET minute = minute - interval '3 hours'")
    assert await store.stats.window(600) == []
    assert await store.stats.window(7200) == []  # of the hours in it, this one's row counts nothing any more
    assert len(await store.stats.window(14400, by="all")) == 1


async def test_statistics_are_kept_for_five_weeks(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await _history(subject)
    term = await subject.lead()
    await store.duties.fold_stats(term)
    sql.execute("UPDATE corral.job_stats SET minute = minute - interval '36 days'")
    await store.duties.fold_stats(term)
    assert sql.execute("SELECT count(*) FROM corral.job_stats").fetchone() == (0,)


async def test_a_batch_of_one_kind_appends_few_rows(subject: Subject, sql: psycopg.Connection) -> None:
    worker = await subject.worker()
    ids = [await subject.submit() for _ in range(50)]
    await subject.running(worker, *ids)
    await subject.store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED) for id in ids])
    kinds = "count(DISTINCT (minute, outcome, wait_bucket, run_bucket))"
    row = sql.execute(f"SELECT count(*), {kinds}, sum(count) FROM corral.job_stats_deltas").fetchone()
    assert row is not None
    rows, kinds_of_rows, jobs = row
    assert rows == kinds_of_rows
    assert jobs == 50


async def test_the_database_and_the_code_agree_on_buckets(subject: Subject, sql: psycopg.Connection) -> None:
    worker = await subject.worker()
    chance = random.Random(7)
    for seconds in [chance.uniform(0.2, 2.0) * 10**exponent for exponent in range(5)]:
        id = await subject.submit()
        await subject.running(worker, id)
        await subject.advance(seconds)
        await subject.finish(worker, id, 1, SUCCEEDED)
    for bucket, total in sql.execute("SELECT run_bucket, run_sum FROM corral.job_stats_deltas").fetchall():
        assert bound(bucket - 1) < total <= bound(bucket)


@given(st.lists(st.floats(1e-5, 1e5), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_within_a_bucket_of_the_true_one(times: list[float], share: float) -> None:
    histogram = Histogram()
    for seconds in times:
        bucket = next(number for number in range(80) if seconds <= bound(number))
        histogram.add(bucket, 1, seconds)
    true = sorted(times)[max(0, -(-len(times) * share // 1).__int__() - 1)]
    found = histogram.quantile(share)
    assert found <= max(true, bound(0)) * 2**0.5 + 1e-9
    assert found >= (0 if true <= bound(0) else true / 2**0.5 - 1e-9)


async def test_the_backlog_counts_work_and_knows_service_times(subject: Subject, store: Store) -> None:
    await _history(subject)
    await subject.submit()
    await subject.submit(delay=5)
    await store.queues.pause("contract", "ann")
    backlog = await store.backlog(10.0)
    queue = backlog.queues["contract"]
    assert (queue.queued, queue.running, queue.due_soon, queue.paused) == (1, 1, 1, True)
    assert queue.mix == {"contract.job": 1.0}
    assert len(queue.elapsed["contract.job"]) == 1
    service = backlog.service["contract"]["contract.job"]
    assert service.completed == 6
    assert service.mean == pytest.approx(32, rel=0.1)
    assert service.variance < 32


FOLD_OF_THE_RELEASE_BEFORE = """
WITH taken AS (
    DELETE FROM corral.job_stats_deltas d
    WHERE d.ctid = ANY(ARRAY(SELECT o.ctid FROM corral.job_stats_deltas o LIMIT %(limit)s FOR UPDATE SKIP LOCKED))
    RETURNING d.*
), measured AS (
    SELECT minute, queue, type, outcome, 'wait' AS measure, wait_bucket AS bucket, count, wait_sum AS sum FROM taken
    UNION ALL
    SELECT minute, queue, type, outcome, 'run', run_bucket, count, run_sum FROM taken
)
INSERT INTO corral.job_stats AS s (minute, queue, type, outcome, measure, bucket, count, sum)
SELECT minute, queue, type, outcome, measure, bucket, sum(count), sum(sum)
FROM measured GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (minute, queue, type, outcome, measure, bucket)
DO UPDATE SET count = s.count + excluded.count, sum = s.sum + excluded.sum
"""


async def test_counts_and_hours_are_right_whichever_release_folds(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    term = await subject.lead()
    for _ in range(2):
        await _history(subject)
        before = await store.stats.counts(), await store.stats.window(3 * 86400, "all")
        sql.execute(FOLD_OF_THE_RELEASE_BEFORE, {"limit": 3})
        await store.duties.fold_stats(term, 5)
        sql.execute(FOLD_OF_THE_RELEASE_BEFORE, {"limit": 1000})
        assert (await store.stats.counts(), await store.stats.window(3 * 86400, "all"))[0] == before[0]
    (row,) = await store.stats.window(3 * 86400, "all")
    assert row.outcomes == {"completed": 12, "errored": 4, "failed": 2, "cancelled": 2}


async def test_what_people_and_retention_take_away_is_counted_no_longer(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    """By whatever statement it is done, folded or not."""
    await _history(subject)
    term = await subject.lead()
    (failed,) = (await store.jobs.page(JobFilter(states=frozenset({State.FAILED})))).items
    await store.jobs.retry([failed.id], "ann")
    await store.duties.fold_stats(term, 2)
    sql.execute(
        "DELETE FROM corral.jobs WHERE id IN (SELECT id FROM corral.jobs WHERE state = 'completed' LIMIT 4)"
    )
    await store.duties.retain(term, installation={"keep_finished": {"count": 1}})
    for _ in range(2):
        assert await store.stats.counts() == dict(sql.execute(ROWS).fetchall()) | dict.fromkeys(
            (State.BLOCKED, State.FAILED), 0
        )
        await store.duties.fold_stats(term)
    assert sql.execute("SELECT count(*) FROM corral.job_counts WHERE count = 0").fetchone() == (0,)


ROWS = "SELECT state, count(*)::int FROM corral.jobs GROUP BY state"


@pytest.mark.parametrize("seconds", [60, 3600, 5 * 3600, 86400, 3 * 86400, 20 * 86400])
async def test_days_and_hours_add_up_to_what_the_minutes_say(
    store: Store, sql: psycopg.Connection, seconds: int
) -> None:
    chance = random.Random(seconds)
    rows = [(chance.randrange(30 * 1440), chance.randrange(6), chance.randrange(1, 9)) for _ in range(300)]
    with sql.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO corral.job_stats VALUES (
                   date_trunc('minute', now()) - %s * interval '1 minute', 'q', 't', 'completed', 'run', %s, %s, 1)
               ON CONFLICT DO NOTHING""",
            rows,
        )
    rolled_up = await store.stats.window(seconds)
    sql.execute(
        "TRUNCATE corral.backfills"
    )  # as if the backfill were still to come: then minutes are read alone
    assert [row.outcomes for row in await store.stats.window(seconds)] == [row.outcomes for row in rolled_up]
    assert [row.run.p50 for row in await store.stats.window(seconds)] == [row.run.p50 for row in rolled_up]
