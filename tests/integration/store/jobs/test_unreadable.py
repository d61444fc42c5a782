"""What Postgres holds and nobody can read back: refused whoever writes it, survived where it is there already."""

import math
from collections.abc import Sequence
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from tests.contract.subjects import of_store

from corral.errors import InvalidInput
from corral.ids import new_id
from corral.job.outcome import Finished, Succeeded
from corral.job.priority import Priority
from corral.job.state import State
from corral.store import Store, Verdict, migrations
from corral.store.attempts.logs import NewLogLine
from corral_testing.subject import Subject
from corral_testing.values import QUEUE, TYPE, new_job

LATEST = "9999-12-31T23:59:59.999999+00:00"
EARLIEST = "0001-01-01T00:00:00+00:00"
TIMES = (
    "created_at",
    "updated_at",
    "run_at",
    "queued_at",
    "started_at",
    "finished_at",
    "expires_at",
    "cancel_requested_at",
)
ODD_TIMES = ("infinity", "-infinity", "10000-01-01 04:59:59+00", "0044-03-15 00:00:00+00 BC")
ODD: dict[str, Sequence[str]] = {
    **dict.fromkeys(TIMES, ODD_TIMES),
    "timeout": ("NaN", "Infinity"),
    "state": ("waiting",),
    "priority": ("urgent",),
    "tags": ("{{a,b},{c,d}}", "{a,NULL}"),
}
"""By column, what the readers have no word for."""
CASES = [(column, value) for column, values in ODD.items() for value in values]
CHECKS = """
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE contype = 'c' AND connamespace = 'corral'::regnamespace
"""


def unguarded(sql: psycopg.Connection) -> None:
    """The database of a release that refused nothing."""
    for table, name in sql.execute(CHECKS).fetchall():
        sql.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def put(sql: psycopg.Connection, id: UUID, column: str, value: str) -> None:
    sql.execute(f"UPDATE corral.jobs SET {column} = %s WHERE id = %s", (value, id))


async def test_postgres_refuses_it_whoever_writes_it(subject: Subject, sql: psycopg.Connection) -> None:
    id = await subject.submit()
    for column, value in CASES:
        with pytest.raises(errors.CheckViolation, match=f"jobs_{column}_check"):
            put(sql, id, column, value)
    guarded = [name for _, name in sql.execute(CHECKS)]
    assert {"attempts_ended_at_check", "job_logs_at_check", "scaling_decisions_at_check"} <= {*guarded}


async def test_rows_that_are_there_are_shown_with_their_neighbours_and_name_the_field(
    subject: Subject, sql: psycopg.Connection
) -> None:
    first = await subject.submit()
    odd = {await subject.submit(): case for case in CASES}
    last = await subject.submit()
    unguarded(sql)
    for id, case in odd.items():
        put(sql, id, *case)
    listed = (await subject.store.jobs.page(limit=100)).items
    assert [job.id for job in listed] == [last, *reversed(odd), first]
    for job in [*listed, *await subject.store.jobs.many([last, *odd])]:
        assert list(job.unreadable) == ([odd[job.id][0]] if job.id in odd else [])
    for id, (column, value) in odd.items():
        if column in TIMES:
            job = await subject.job(id)
            assert job.unreadable[column] == value
            early = value.startswith("-") or value.endswith("BC")
            assert getattr(job, column).isoformat() == (EARLIEST if early else LATEST)


async def test_attempts_and_log_lines_are_read_whatever_their_times(
    subject: Subject, sql: psycopg.Connection
) -> None:
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    line = NewLogLine(id, 1, (await subject.job(id)).created_at, "hello", {"long": 2**70})
    await subject.store.attempts.append_logs([line])
    await subject.finish(worker, id, 1, Succeeded('{"long": 1180591620717411303424}'))
    await subject.store.jobs.retry([id], "ann")
    unguarded(sql)
    sql.execute("UPDATE corral.attempts SET started_at = '-infinity', ended_at = 'infinity', error = '[1]'")
    sql.execute("UPDATE corral.job_logs SET at = 'infinity'")
    (attempt,) = await subject.store.jobs.attempts(id)
    assert attempt.started_at is not None
    assert (attempt.started_at.isoformat(), attempt.ended_at.isoformat()) == (EARLIEST, LATEST)
    assert attempt.error == {"message": "[1]"}
    assert attempt.result.text == '{"long": 1180591620717411303424}'
    (logged,) = await subject.store.jobs.logs(id)
    assert (logged.at.isoformat(), logged.fields) == (LATEST, {"long": 2**70})


PAYLOADS = [
    '{"lone": "\\ud800"}',
    '{"nul": "\\u0000"}',
    "1e400",
    "-1e-400",
    "1" * 5000,
    "[" * 2000 + "]" * 2000,
    '{"twice": 1, "twice": 2}',
]


async def test_a_payload_that_only_postgres_takes_for_json_is_passed_on_as_it_is(
    subject: Subject, sql: psycopg.Connection
) -> None:
    odd = {await subject.submit(): payload for payload in PAYLOADS}
    neighbour = await subject.submit(payload='"fine"')
    for id, payload in odd.items():
        put(sql, id, "payload", payload)
        put(sql, id, "result", payload)
    listed = {job.id: job for job in (await subject.store.jobs.page()).items}
    assert listed[neighbour].payload == "fine"
    for id, payload in odd.items():
        assert (await subject.job(id)).payload.text == payload
        assert listed[id].payload is None if len(payload) > 1024 else listed[id].payload.text == payload
        assert listed[id].result_bytes == len(payload)


async def test_no_duty_and_no_claim_is_kept_from_the_neighbours(
    subject: Subject, sql: psycopg.Connection
) -> None:
    """What the odd rows become is their own matter."""
    duties, term, worker = subject.store.duties, await subject.lead(), await subject.worker()
    kinds: list[dict[str, float]] = [{}, {"delay": 5.0}, {"expires_in": 5.0}]
    queued, due, late = [await subject.submit(**kind) for kind in kinds]
    odd = [(await subject.submit(**kind), case) for kind in kinds for case in CASES]
    await subject.advance(60)
    unguarded(sql)
    for id, case in odd:
        put(sql, id, *case)
    await duties.next_due()
    assert due in {one.id for one in await duties.promote(term)}
    assert late in await duties.expire(term)
    page, _ = await duties.queued_page()
    assert {queued, due} <= {one.id for one in page}
    ids = [id for id, _ in odd]
    claimed = (await subject.claim(worker, queued, due, *ids, alone=False)).claimed
    assert {queued, due} <= {job.id for job in claimed}
    ends = [Finished(job.id, job.attempt, Succeeded("1")) for job in claimed]
    assert all(one.verdict is Verdict.RECORDED for one in await subject.store.attempts.finish(worker, ends))
    await duties.retain(term)
    await duties.fold_stats(term)
    await subject.store.jobs.cancel(ids, "ann")
    await subject.store.jobs.retry(ids, "ann")
    assert queued in {job.id for job in (await subject.store.jobs.page(limit=200)).items}
    await subject.store.backlog()
    await subject.store.stats.counts()


async def test_a_migration_mends_what_something_is_still_to_happen_to(postgres_url: str) -> None:
    migrations.upgrade(postgres_url, revision="0002")
    ended = new_id()
    with psycopg.connect(postgres_url, autocommit=True) as sql:
        live = {}
        for column, value in CASES:
            if column != "state":
                live[column, value] = id = new_id()
                sql.execute(INSERT, (id, "queued"))
                put(sql, id, column, value)
        sql.execute(INSERT, (ended, "completed"))
        put(sql, ended, "finished_at", "infinity")
    migrations.upgrade(postgres_url)
    async with of_store(postgres_url) as subject:
        for id in live.values():
            assert (await subject.job(id)).unreadable == {}
        assert (await subject.job(live["priority", "urgent"])).priority is Priority.NORMAL
        assert (await subject.job(live["timeout", "NaN"])).timeout is None
        assert (await subject.job(ended)).unreadable == {"finished_at": "infinity"}
        worker = await subject.worker()
        await subject.running(worker, *[id for (column, _), id in live.items() if column != "expires_at"])
    migrations.downgrade(postgres_url, revision="0002")
    migrations.upgrade(postgres_url)


INSERT = f"""
INSERT INTO corral.jobs (id, state, type, queue, priority, payload, max_stalls, retries, queued_at)
VALUES (%s, %s, '{TYPE}', '{QUEUE}', 'normal', '{{}}', 2, 0, now())
"""


async def test_a_refusal_names_the_field(store: Store) -> None:
    job = new_job(timeout=math.nan, max_stalls=2)
    with pytest.raises(InvalidInput) as refused:
        await store.jobs.insert([job])
    assert [error.pointer for error in refused.value.errors] == ["/timeout"]
    assert await store.jobs.existing([job.id]) == []


async def test_a_later_releases_state_is_shown_by_name_and_touched_by_nobody(
    subject: Subject, sql: psycopg.Connection
) -> None:
    id = await subject.submit()
    unguarded(sql)
    put(sql, id, "state", "waiting")
    job = await subject.job(id)
    assert (job.state, job.unreadable) == (State.BLOCKED, {"state": "waiting"})
    worker = await subject.worker()
    assert (await subject.claim(worker, id, alone=False)).claimed == []
