"""The hot statements find their rows by primary key, whatever the planner was told of the table."""

import psycopg

from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import JobFilter
from corral.testing.subject import SUCCEEDED, Subject

READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = %s"
SCANS = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'jobs'"


def _count(sql: psycopg.Connection, statement: str, *params: str) -> int:
    sql.execute("SELECT pg_stat_force_next_flush()")
    sql.execute("SELECT pg_stat_clear_snapshot()")
    row = sql.execute(statement, params).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_plan_made_for_an_empty_table_is_good_for_a_full_one(
    subject: Subject, sql: psycopg.Connection
) -> None:
    sql.execute("ALTER TABLE corral.jobs SET (autovacuum_enabled = off)")
    sql.execute("ANALYZE corral.jobs")
    worker = await subject.worker()
    for _ in range(7):  # long enough for Postgres to settle on a plan
        id = await subject.submit()
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, SUCCEEDED)
    ids = [await subject.submit() for _ in range(300)]
    walked, scanned = _count(sql, READ, "jobs_running"), _count(sql, SCANS)
    await subject.running(worker, *ids)
    await subject.store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED) for id in ids])
    assert _count(sql, READ, "jobs_running") == walked
    assert _count(sql, SCANS) == scanned


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
        before = _count(sql, read)
        assert len((await subject.store.jobs.page(wanted)).items) == found
        assert _count(sql, read) - before < 3000, wanted
