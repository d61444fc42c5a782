"""Rules 1, 11 and 16: what becomes of a commit whose answer is lost."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async

from corral.errors import OutcomeUnknown, Unavailable
from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import Ambiguous, Store, Verdict
from corral.store.jobs.insert import JobInsert
from corral_testing.subject import ERRED, SUCCEEDED, Subject
from corral_testing.values import TYPE, new_job

pytestmark = pytest.mark.usefixtures("patient")

KILL_AT_COMMIT = """
CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON corral.jobs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION die();
"""
BLOCK_COMMIT = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waits AFTER INSERT OR UPDATE ON corral.jobs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION wait();
"""
AT_THE_LOCK = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def _job() -> NewJob:
    return new_job(queue="contract", retries=1, max_stalls=2)


@pytest.fixture
def proxy(database_url: str):
    with Proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
async def far(proxy: Proxy) -> AsyncIterator[Store]:
    """A store behind the proxy."""
    store = Store.open(proxy.url, pool_size=2)
    yield store
    await store.close()


async def _cut_while_committing(work, proxy: Proxy, sql: psycopg.Connection, *, heal: bool = True):
    """Let `work` reach its commit, break the connection there, let the commit happen; what `work` answers."""
    sql.execute(BLOCK_COMMIT)
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as gate:
        gate.execute("SELECT pg_advisory_xact_lock(4711)")
        task = asyncio.create_task(work)
        await eventually_async(lambda: sql.execute(AT_THE_LOCK).fetchone() != (0,))
        assert proxy.cut() > 0
        if heal:
            proxy.heal()
        gate.commit()
    return await task


async def test_an_insert_whose_answer_was_lost_is_as_if_nothing_had_happened(
    far: Store, proxy: Proxy, sql: psycopg.Connection
) -> None:
    jobs = [_job() for _ in range(3)]
    patient = JobInsert(far.database, resolve_seconds=60)
    accepted = await _cut_while_committing(patient.insert(jobs), proxy, sql)
    assert [one.id for one in accepted] == [job.id for job in jobs]
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (3,)


async def test_an_insert_that_was_lost_before_its_commit_is_made_again(
    store: Store, sql: psycopg.Connection
) -> None:
    sql.execute(KILL_AT_COMMIT)
    patient = JobInsert(store.database, resolve_seconds=60)
    task = asyncio.create_task(patient.insert([_job(), _job()]))
    await eventually_async(lambda: _deaths(sql) > 0)
    sql.execute("DROP TRIGGER dies ON corral.jobs")
    assert len(await task) == 2
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (2,)


def _deaths(sql: psycopg.Connection) -> int:
    sql.execute("SELECT pg_stat_clear_snapshot()")
    row = sql.execute(
        "SELECT sessions_killed FROM pg_stat_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    return int(row[0])


async def test_nobody_knows_when_postgres_stays_away(
    far: Store, proxy: Proxy, sql: psycopg.Connection
) -> None:
    job, impatient = _job(), JobInsert(far.database, resolve_seconds=0.5)
    with pytest.raises(OutcomeUnknown) as raised:
        await _cut_while_committing(impatient.insert([job]), proxy, sql, heal=False)
    assert raised.value.ids == (job.id,)
    proxy.heal()
    await eventually_async(lambda: sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (1,))
    assert [one.id for one in await far.jobs.existing([job.id])] == [job.id]


async def test_a_connection_that_was_refused_left_nothing(far: Store, proxy: Proxy) -> None:
    proxy.cut()
    with pytest.raises(Unavailable) as raised:
        await far.jobs.insert([_job()])
    assert not isinstance(raised.value, Ambiguous)


async def test_a_claim_whose_answer_was_lost_is_found_by_its_id(
    far: Store, proxy: Proxy, sql: psycopg.Connection, subject: Subject
) -> None:
    worker, claim, id = await subject.worker(), new_id(), await subject.submit()
    with pytest.raises(Ambiguous):
        await _cut_while_committing(far.claims.claim(worker, claim, [id], [TYPE], alone=False), proxy, sql)
    await eventually_async(lambda: sql.execute(AT_THE_LOCK).fetchone() == (0,))

    async def found() -> bool:
        return [(job.id, job.attempt) for job in await far.claims.claimed_under(claim)] == [(id, 1)]

    await eventually_async(found)


@pytest.mark.parametrize("outcome", [SUCCEEDED, ERRED], ids=["success", "error"])
async def test_an_end_whose_answer_was_lost_is_written_once(
    far: Store, proxy: Proxy, sql: psycopg.Connection, subject: Subject, outcome
) -> None:
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    with pytest.raises(Ambiguous):
        await _cut_while_committing(far.attempts.finish(worker, [Finished(id, 1, outcome)]), proxy, sql)
    (again,) = await far.attempts.finish(worker, [Finished(id, 1, outcome)])
    assert again.verdict is Verdict.ALREADY
    assert (await subject.job(id)).state is (State.COMPLETED if outcome is SUCCEEDED else State.SCHEDULED)
