"""The hot statements find their rows by primary key, whatever the planner was told; no question reads the history."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from corral.ids import new_id
from corral.job.outcome import Finished
from corral.job.state import TERMINAL, State
from corral.store import JobFilter, Store
from corral.store.jobs.list import SearchBounds
from corral.store.workers.reclaiming import RECLAIM, RELEASE
from corral_testing.subject import LONG, SUCCEEDED, Subject

READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = %s"
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'"


FLUSH = "SELECT pg_stat_force_next_flush()"


async def _count(subject: Subject, sql: psycopg.Connection, statement: str, *params: str) -> int:
    assert isinstance(subject.store, Store)
    await subject.store.database.hot(FLUSH, {})
    await subject.store.database.run(FLUSH)
    sql.execute(FLUSH)  # what the test's own statements read, too
    sql.execute("SELECT pg_stat_clear_snapshot()")
    row = sql.execute(statement, params).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("known", [0, 2000])
async def test_a_plan_made_when_nothing_ran_is_good_for_a_full_worker(
    subject: Subject, sql: psycopg.Connection, known: int
) -> None:
    """Statistics of an empty table, or of one where nothing runs, praise every index but the right one."""
    sql.execute("ALTER TABLE corral.jobs SET (autovacuum_enabled = off)")
    for _ in range(known):
        await subject.submit()
    sql.execute("VACUUM ANALYZE corral.jobs")
    worker = await subject.worker()
    for _ in range(7):  # long enough for Postgres to settle on a plan
        id = await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, SUCCEEDED)
    ids = [await subject.submit() for _ in range(300)]
    walked, scanned = await _count(subject, sql, READ, "jobs_running"), await _count(subject, sql, SCANS)
    await subject.running(worker, *ids)
    await subject.store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED) for id in ids])
    assert await _count(subject, sql, READ, "jobs_running") == walked
    assert await _count(subject, sql, SCANS) == scanned


@pytest.mark.parametrize("statement", [RELEASE, RECLAIM], ids=["release", "reclaim"])
def test_what_a_worker_held_is_not_compared_with_itself(sql: psycopg.Connection, statement: str) -> None:
    """A worker that handles batches holds thousands of jobs: each beside each took seconds."""
    row = sql.execute(
        f"EXPLAIN (FORMAT JSON) {statement}", {"worker": new_id(), "reason": "stopped"}
    ).fetchone()
    assert row is not None
    assert [*_loops_over_steps(row[0][0]["Plan"])] == []


def _loops_over_steps(node: dict[str, Any]) -> Iterator[list[str]]:
    """Steps of a statement that a nested loop goes through for each row of another step."""
    below: list[dict[str, Any]] = node.get("Plans", [])
    steps = [one["CTE Name"] for one in below if one["Node Type"] == "CTE Scan"]
    if node["Node Type"] == "Nested Loop" and len(steps) > 1:
        yield steps
    for one in below:
        yield from _loops_over_steps(one)


READ_IN_ALL = """
SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables)
"""
PAST = 20_000
"""Jobs, minutes of statistics, files and attempts: what has been. A question that reads a tenth of that reads history."""
BOUND = PAST // 10
ENDED = """
INSERT INTO corral.jobs (id, created_at, type, queue, priority, payload, state, retries, max_stalls, started_at,
                         finished_at, tags, search, error)
SELECT (lpad(to_hex((date_part('epoch', at) * 1000)::int8), 12, '0') || '7000800000' || lpad(to_hex(n), 10, '0'))::uuid,
       at, 'type-' || n % 5, 'queue-' || n % 3, 'normal', '{}',
       CASE n % 20 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' ELSE 'completed' END, 0, 0, at, at,
       CASE WHEN n % 25 = 0 THEN ARRAY['often'] WHEN n = 777 THEN ARRAY['once'] WHEN n < 800 THEN ARRAY['long ago'] END,
       CASE WHEN n % 25 = 0 THEN jsonb_build_object('customer', n % 7) WHEN n = 777 THEN '{"customer": "once"}'::jsonb END,
       CASE WHEN n % 20 = 0 THEN '{"type": "acme.Broken", "message": "it broke"}'::jsonb END
FROM generate_series(1, 20000) n, LATERAL (SELECT now() - (20000 - n) * interval '2 minutes' AS at OFFSET 0) t
"""
AROUND = """
INSERT INTO corral.job_stats (minute, queue, type, outcome, measure, bucket, count, sum)
SELECT date_trunc('minute', j.finished_at), j.queue, j.type, j.state, m.measure, 3, 1, 1
FROM corral.jobs j, (VALUES ('wait'), ('run')) m(measure) WHERE j.finished_at IS NOT NULL;
INSERT INTO corral.artifacts (id, job, attempt, name, media_type, keeper, location, size, published_at)
SELECT gen_random_uuid(), j.id, 1, 'a', 'text/plain', 'postgres', '', 0, now() FROM corral.jobs j;
INSERT INTO corral.attempts (job, attempt, life, outcome) SELECT j.id, 1, 1, 'errored' FROM corral.jobs j;
TRUNCATE corral.backfills, corral.job_counts, corral.job_count_deltas;
"""


async def test_no_question_reads_the_history(subject: Subject, sql: psycopg.Connection) -> None:
    """Pages, filters, statistics and the leader's rounds: what has ended long ago costs none of them anything."""
    store = subject.store
    assert isinstance(store, Store)
    store.jobs.bounds = SearchBounds(
        seconds=0.0,  # one portion of rows, however quick the machine is
        first_look=100,
        most_held=200,
        first_slice=500,
        time_range_rows=400,
    )
    sql.execute(ENDED)
    sql.execute(AROUND)
    await store.queues.name(["queue-1"])
    await subject.submit(queue="rare", type="rare.job", delay=LONG)
    await subject.running(await subject.worker(), await subject.submit())
    sql.execute("VACUUM ANALYZE")
    await store.duties.backfill()
    kept = {name: {"seconds": 90 * 86400.0, "count": PAST} for name in ("keep_finished", "keep_failed")}
    term, day = await subject.lead(), 86400.0
    await store.duties.fold_stats(term)  # of the backfill
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        **{f"page of {wanted}": partial(store.jobs.page, wanted) for wanted in _filters()},
        "a page deep down": partial(store.jobs.page, cursor=UUID(sql.execute(OLD).fetchone()[0])),
        "counts": store.stats.counts,
        "a month": lambda: store.stats.window(26 * day + _since_midnight(), "queue-and-type"),
        "a day": partial(store.stats.window, day, "queue-and-type"),
        "the signal": store.backlog,
        "fold": partial(store.duties.fold_stats, term),
        "retention": partial(store.duties.retain, term, installation=kept),
        "sweep of files": partial(store.artifacts.sweep, term),
        "cleaning nothing": partial(store.queues.clean, "queue-1", list(State), 60 * day, "ann"),
        "expiry": partial(store.duties.expire, term),
        "promotion": partial(store.duties.promote, term),
        "next due": store.duties.next_due,
    }
    for name, ask in questions.items():
        before = await _count(subject, sql, READ_IN_ALL)
        await ask()
        assert (read := await _count(subject, sql, READ_IN_ALL) - before) < BOUND, f"{name} read {read} rows"


def _since_midnight() -> float:
    """Seconds: a window that begins at a whole day reads the same number of rows at any time of the day."""
    now = datetime.now(UTC)
    return (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()


OLD = "SELECT id::text FROM corral.jobs ORDER BY id OFFSET 60 LIMIT 1"


def _filters() -> list[JobFilter]:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    live = frozenset(State) - TERMINAL
    return [
        JobFilter(),
        *(JobFilter(states=frozenset({state})) for state in State),
        JobFilter(states=live),
        JobFilter(states=TERMINAL),
        JobFilter(type="rare.job"),
        JobFilter(queue="rare"),
        JobFilter(type="type-3"),
        JobFilter(queue="queue-2"),
        JobFilter(states=frozenset({State.COMPLETED}), queue="queue-1", type="type-3"),
        JobFilter(created_after=now - 3 * hour),
        JobFilter(created_before=now - 300 * hour),
        JobFilter(created_after=now - 300 * hour, created_before=now - 290 * hour, states=TERMINAL),
        *(JobFilter(tag=tag) for tag in ("often", "once", "long ago", "never")),
        *(JobFilter(search={"customer": value}) for value in (3, "once", "never")),
        JobFilter(tag="often", states=live),
        JobFilter(tag="long ago", states=frozenset({State.FAILED})),
        JobFilter(tag="long ago", type="type-3"),
        JobFilter(tag="often", search={"customer": 3}),
        *(JobFilter(error_text=text) for text in ("broke", "nothing")),
        JobFilter(error_text="nothing", type="type-3"),
    ]


async def test_decisions_and_live_workers_are_found_without_reading_the_rest(
    subject: Subject, sql: psycopg.Connection
) -> None:
    sql.execute("""
    INSERT INTO corral.scaling_decisions
    SELECT (lpad(to_hex(n), 12, '0') || '70008000000000000000')::uuid, 'pool-' || n % 3, now(), 0, 1, 1, 0, '', '{}',
           0, 0, 0 FROM generate_series(1, 30000) n
    """)
    sql.execute("""
    INSERT INTO corral.workers (id, name, host, pid, version, state, queues, types, slots)
    SELECT gen_random_uuid(), 'w' || n, 'h', 1, '1', 'stopped', '{}', '{}', '{}' FROM generate_series(1, 5000) n
    """)
    worker, ids = await subject.worker("alive"), [await subject.submit() for _ in range(50)]
    await subject.running(worker, *ids)
    sql.execute("VACUUM ANALYZE corral.scaling_decisions, corral.workers, corral.jobs")
    read = """SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY(ARRAY[%s, %s]))
           + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY(ARRAY[%s, %s]))"""
    decisions, workers = ("scaling_decisions",) * 4, ("workers", "jobs") * 2
    assert isinstance(subject.store, Store)
    before = await _count(subject, sql, read, *decisions)
    page = await subject.store.scaling.page("pool-1", cursor=UUID(int=15_000 << 80), limit=50)
    assert len(page.items) == 50
    assert await _count(subject, sql, read, *decisions) - before < 200
    before = await _count(subject, sql, read, *workers)
    assert [one.id for one in await subject.store.workers.live()] == [worker]
    assert await subject.store.workers.running() == {worker: 50}
    assert await _count(subject, sql, read, *workers) - before < 200
