"""The hot statements find their rows by primary key, whatever the planner was told of the table."""

from uuid import UUID

import psycopg
import pytest

from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import JobFilter, Store
from corral.testing.subject import SUCCEEDED, Subject

READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = %s"
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'"


FLUSH = "SELECT pg_stat_force_next_flush()"


async def _count(subject: Subject, sql: psycopg.Connection, statement: str, *params: str) -> int:
    assert isinstance(subject.store, Store)
    await subject.store.database.hot(FLUSH, {})
    await subject.store.database.run(FLUSH)
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


async def test_a_page_is_found_without_reading_the_history(subject: Subject, sql: psycopg.Connection) -> None:
    insert = """
    INSERT INTO corral.jobs (id, type, queue, priority, payload, state, retries, max_stalls, finished_at)
    SELECT (lpad(to_hex(n), 12, '0') || '70008000000000000000')::uuid, 'type-' || n %% 5, 'queue-' || n %% 3, 'normal',
           '{}', CASE WHEN n %% 100 = 0 THEN 'failed' ELSE 'completed' END, 0, 0, now()
    FROM generate_series(1, 20000) n
    """
    sql.execute(insert.replace("%%", "%"))
    sql.execute("INSERT INTO corral.queues (name) VALUES ('rare')")
    await subject.submit(queue="rare", type="rare.job")
    sql.execute("VACUUM ANALYZE corral.jobs")
    read = "SELECT sum(idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'jobs') "
    read += "FROM pg_stat_user_indexes WHERE relname = 'jobs'"
    for wanted, found in (
        (JobFilter(), 50),
        (JobFilter(type="rare.job"), 1),
        (JobFilter(queue="rare"), 1),
        (JobFilter(states=frozenset({State.FAILED})), 50),
        (JobFilter(states=frozenset({State.COMPLETED}), queue="queue-1", type="type-3"), 50),
        (JobFilter(queue="queue-2"), 50),
        (JobFilter(states=frozenset({State.COMPLETED})), 50),
    ):
        before = await _count(subject, sql, read)
        assert len((await subject.store.jobs.page(wanted)).items) == found
        assert await _count(subject, sql, read) - before < 3000, wanted


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
