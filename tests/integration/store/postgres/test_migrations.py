"""The schema: up, down and up on data; as the tables say; one or two releases apart."""

import asyncio
import socket
import threading
from collections.abc import Callable

import psycopg
import pytest
from alembic import command
from alembic.migration import MigrationContext
from sqlalchemy.schema import CreateSchema
from tests.contract.subjects import of_store

from corral.errors import CorralError, SchemaMismatch, Unavailable
from corral.store import Store, migrations
from corral.store.postgres.schema import REVISION
from corral.store.tables import metadata
from corral_testing.subject import SUCCEEDED

COLUMNS = """
SELECT table_name, column_name, udt_name, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = %s AND table_name <> 'alembic_version' ORDER BY table_name, column_name
"""
INDEXES = """
SELECT tablename, indexname, replace(indexdef, quote_ident(schemaname) || '.', '') FROM pg_indexes
WHERE schemaname = %s AND tablename <> 'alembic_version' ORDER BY indexname
"""
CONSTRAINTS = """
SELECT conname, replace(pg_get_constraintdef(oid), ' NOT VALID', '') FROM pg_constraint
WHERE connamespace = %s::regnamespace AND conname <> 'alembic_version_pkc' AND contype <> 'n' ORDER BY conname
"""
LIVING_WORKER = """
INSERT INTO corral.workers (id, name, host, pid, version, state, queues, types, slots)
VALUES (gen_random_uuid(), 'w', 'h', 1, '1', 'draining', '{}', '{}', '{}')
"""
TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'corral'"


async def test_up_down_and_up_on_data(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    async with of_store(postgres_url) as subject:
        worker, id = await subject.worker(), await subject.submit(tags=("a",))
        await subject.running(worker, id)
        await subject.finish(worker, id, 1, SUCCEEDED)
    assert migrations.current(postgres_url) == migrations.head()
    migrations.downgrade(postgres_url)
    assert migrations.current(postgres_url) is None
    migrations.upgrade(postgres_url)
    migrations.upgrade(postgres_url)  # nothing to do
    async with of_store(postgres_url) as subject:
        assert (await subject.store.jobs.page()).items == []
        await subject.submit()


async def test_every_revision_goes_up_down_and_up_over_rows_of_the_one_before(postgres_url: str) -> None:
    migrations.upgrade(postgres_url, revision="0001")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(LIVING_WORKER)
        for number in range(2, REVISION + 1):
            migrations.upgrade(postgres_url, revision=f"{number:04}")
            migrations.downgrade(postgres_url, revision=f"{number - 1:04}")
            migrations.upgrade(postgres_url, revision=f"{number:04}")
            state = connection.execute("SELECT state FROM corral.workers").fetchall()
            assert state == [("draining",)]


async def test_the_release_before_runs_on_the_schema_of_this_one(database_url: str) -> None:
    # Its own statements: they name neither the new column nor the new table.
    with psycopg.connect(database_url) as connection:
        connection.execute(LIVING_WORKER)
        connection.execute("UPDATE corral.workers SET state = 'draining' WHERE name = 'w'")
    async with of_store(database_url) as subject:
        (worker,) = await subject.store.workers.live()
        assert (worker.draining, worker.drained_by) == (True, None)
        term = await subject.lead()
        assert await subject.store.workers.undrain(["w"], "pool:io", term) == []


# SQLAlchemy 2.1 stumbles over the NOT VALID of constraints that it reflects, and says so.
@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")
def test_alembic_finds_no_difference(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    with migrations.engine(postgres_url).connect() as connection:
        command.check(migrations.configuration(connection, "corral"))


def test_the_migrations_make_what_the_tables_say(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    with migrations.engine(postgres_url).begin() as connection:
        connection.execute(CreateSchema("said"))
        metadata("said").create_all(connection)
    with psycopg.connect(postgres_url) as connection:
        for catalog in (COLUMNS, INDEXES, CONSTRAINTS):
            made, said = (connection.execute(catalog, (schema,)).fetchall() for schema in ("corral", "said"))
            assert made == said


def test_the_release_knows_its_own_revision() -> None:
    assert migrations.head() == f"{REVISION:04}"


@pytest.mark.parametrize("ahead", [0, 1])
async def test_a_release_runs_on_its_own_schema_and_the_next(database_url: str, ahead: int) -> None:
    _pretend(database_url, REVISION + ahead)
    store = Store.open(database_url, pool_size=1)
    await store.schema.check()
    await store.close()


async def test_a_release_waits_for_a_schema_that_is_older(postgres_url: str) -> None:
    store = Store.open(postgres_url, pool_size=1)
    with pytest.raises(SchemaMismatch, match="corral migrate") as raised:
        await store.schema.check()
    assert raised.value.wait
    await store.close()


async def test_a_release_refuses_a_schema_two_ahead(database_url: str) -> None:
    _pretend(database_url, REVISION + 2)
    store = Store.open(database_url, pool_size=1)
    with pytest.raises(SchemaMismatch, match="corral migrate") as raised:
        await store.schema.check()
    assert not raised.value.wait
    await store.close()


async def test_whoever_waits_for_a_schema_hears_each_reason_once_and_goes_on_when_it_is_there(
    postgres_url: str,
) -> None:
    store, stop, reasons = Store.open(postgres_url, pool_size=1), asyncio.Event(), []

    def migrate(error: CorralError) -> None:
        reasons.append(error)
        migrations.upgrade(postgres_url)

    assert await store.schema.wait_until_it_fits(stop, migrate)
    assert [type(reason) for reason in reasons] == [SchemaMismatch]
    await store.close()


async def test_whoever_waits_for_a_schema_can_be_stopped(postgres_url: str) -> None:
    store, stop = Store.open(postgres_url, pool_size=1), asyncio.Event()
    assert not await store.schema.wait_until_it_fits(stop, lambda _error: stop.set())
    await store.close()


async def test_nobody_waits_for_a_schema_that_is_two_ahead(database_url: str) -> None:
    _pretend(database_url, REVISION + 2)
    store = Store.open(database_url, pool_size=1)
    with pytest.raises(SchemaMismatch):
        await store.schema.wait_until_it_fits(asyncio.Event(), lambda _error: None)
    await store.close()


def _pretend(url: str, revision: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE corral.alembic_version SET version_num = %s", (f"{revision:04}",))


async def test_a_schema_of_another_name(postgres_url: str) -> None:
    name = 'acme "jobs"'
    migrations.upgrade(postgres_url, name)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute(TABLES).fetchone() == (0,)
    store = Store.open(postgres_url, schema=name, pool_size=1)
    await store.schema.check()
    assert (await store.jobs.page()).items == []
    await store.close()
    migrations.downgrade(postgres_url, name)
    assert migrations.current(postgres_url, name) is None


def test_pods_that_migrate_at_once_do_it_once(postgres_url: str) -> None:
    failures: list[BaseException] = []

    def migrate() -> None:
        try:
            migrations.upgrade(postgres_url)
        except BaseException as error:  # noqa: BLE001  shown below
            failures.append(error)

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert migrations.current(postgres_url) == migrations.head()


def test_a_migration_does_not_wait_for_ever_for_a_lock(database_url: str) -> None:
    turns = migrations.LockTurns(count=2, seconds=0.1)
    with psycopg.connect(database_url) as using:
        using.execute("SELECT FROM corral.jobs")
        with pytest.raises(Unavailable, match="lock timeout"):
            migrations.downgrade(database_url, turns=turns)
    migrations.downgrade(database_url)


@pytest.mark.parametrize("change", [migrations.upgrade, migrations.downgrade, migrations.current])
def test_a_server_that_is_away_is_told_as_such(change: Callable[[str], object]) -> None:
    with socket.socket() as silent:  # nobody listens
        silent.bind(("127.0.0.1", 0))
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        with pytest.raises(Unavailable, match="postgres"):
            change(url)


def test_the_version_table_is_inside_the_schema(postgres_url: str) -> None:
    migrations.upgrade(postgres_url)
    with migrations.engine(postgres_url).connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() is None


async def _past(url: str) -> None:
    """What the release before this one leaves: jobs that ended, some of them folded; and a file of a job that is gone."""
    with psycopg.connect(url) as connection:
        connection.execute("""
            INSERT INTO corral.jobs (id, type, queue, priority, payload, state, retries, max_stalls)
            SELECT gen_random_uuid(), 't' || n % 2, 'q' || n % 3, 'normal', '{}',
                   (ARRAY['queued', 'scheduled', 'completed', 'failed', 'cancelled'])[1 + n % 5], 0, 0
            FROM generate_series(1, 60) n;
            INSERT INTO corral.job_stats (minute, queue, type, outcome, measure, bucket, count, sum)
            SELECT date_trunc('minute', now()) - n * interval '7 hours', 'q0', 't0', 'completed', 'run', 1, n, n
            FROM generate_series(0, 9) n;
            INSERT INTO corral.job_stats_deltas (minute, queue, type, outcome, wait_bucket, run_bucket, count, wait_sum,
                                                 run_sum)
            SELECT now(), 'q1', 't1', 'failed', 1, 1, 2, 0, 0;
            INSERT INTO corral.artifacts (id, job, attempt, name, media_type, keeper, location, size, published_at)
            VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'a', 'text/plain', 'postgres', '', 0, now())
        """)


async def _is_settled(url: str) -> None:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT state, count(*) FROM corral.jobs GROUP BY state").fetchall()
        valid = connection.execute("SELECT bool_and(indisvalid) FROM pg_index").fetchone()
    store = Store.open(url, pool_size=1)
    counts = await store.stats.counts()
    assert {state: count for state, count in counts.items() if count} == dict(rows)
    (row,) = await store.stats.window(30 * 86400, "all")
    assert row.outcomes == {"completed": 45, "failed": 2}
    await store.close()
    assert valid == (True,)


@pytest.mark.parametrize("interrupted", [False, True])
async def test_what_older_releases_wrote_is_counted_once(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    migrations.upgrade(postgres_url, revision="0002")
    await _past(postgres_url)
    if interrupted:  # between the migration and what follows it
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "settle", lambda *_: None)
            migrations.upgrade(postgres_url)
        await _is_settled(postgres_url)  # row by row for now
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("CREATE INDEX jobs_queued_new ON corral.jobs (queue)")
    for _ in range(2):
        migrations.upgrade(postgres_url)
        await _is_settled(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT published_at FROM corral.artifacts").fetchall() == [(None,)]
        included = "SELECT pg_get_indexdef('corral.jobs_queued'::regclass) LIKE '%INCLUDE (type)%'"
        assert connection.execute(included).fetchone() == (True,)


async def test_the_leader_counts_what_an_interrupted_migration_did_not(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations.upgrade(postgres_url, revision="0002")
    await _past(postgres_url)
    monkeypatch.setattr(migrations, "settle", lambda *_: None)
    migrations.upgrade(postgres_url)
    store = Store.open(postgres_url, pool_size=2)
    await asyncio.gather(store.duties.backfill(), store.duties.backfill())
    await store.close()
    await _is_settled(postgres_url)


async def test_an_index_that_cannot_be_built_now_is_left_for_later(postgres_url: str) -> None:
    migrations.upgrade(postgres_url, revision="0002")
    await _past(postgres_url)
    with psycopg.connect(postgres_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT FROM pg_catalog.pg_class")
        migrations.upgrade(postgres_url, snapshot_seconds=0.2)
        await _is_settled(postgres_url)
    migrations.upgrade(postgres_url)
    await _is_settled(postgres_url)
