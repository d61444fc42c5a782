"""What a server sets for a role or a database changes nothing in what Corral's statements mean."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.fixtures.servers.pooler import PGBOUNCER, pooler

from corral.errors import InvalidInput, Unavailable
from corral.store import Store
from corral.store.migrations import current, downgrade, upgrade
from corral.store.postgres.connection import connect
from corral.store.postgres.database import DUTY

STRANGE = {
    "datestyle": "German",
    "timezone": "Asia/Kathmandu",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "search_path": "nowhere",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "100ms",
    "lock_timeout": "100ms",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "10s",
    "transaction_timeout": "100ms",
    "client_encoding": "LATIN1",
    "row_security": "off",
    "lc_messages": "C",
    "quote_all_identifiers": "on",
}
MEANING = "SELECT now(), 0.1::float8 + 0.2::float8, '\\x00ff'::bytea, 'ü€', ARRAY[NULL]::text[]"
SECONDS = "SELECT pg_catalog.pg_sleep(0.15), current_setting('transaction_isolation')"


def _set(url: str, settings: dict[str, str]) -> None:
    name = sql.Identifier(urlsplit(url).path[1:])
    with psycopg.connect(url, autocommit=True) as connection:
        for setting, value in settings.items():
            connection.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    name, sql.Identifier(setting), sql.Literal(value)
                )
            )


@pytest.fixture(params=["direct", "pooled"])
async def store(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Store]:
    """A store on a database with strange settings, past a pooler or through one."""
    if request.param == "pooled" and PGBOUNCER is None:
        pytest.skip("pgbouncer is not on PATH")
    _set(database_url, STRANGE)
    if request.param == "direct":
        opened = Store.open(database_url, pool_size=2)
        yield opened
        await opened.close()
        return
    with pooler(database_url) as pooled:
        opened = Store.open(pooled, pool_size=2, pooled=True)
        yield opened
        await opened.close()


async def test_a_statement_means_the_same_whatever_the_database_sets(store: Store) -> None:
    before = datetime.now(UTC)
    for rows in (
        await store.database.hot(MEANING, {}),
        await store.database.run(MEANING),
        (await store.database.together((MEANING, {}), limits=DUTY))[0],
    ):
        [(now, number, raw, text, names)] = rows
        assert abs(now - before) < timedelta(minutes=1)
        assert (number, bytes(raw), text, names) == (0.1 + 0.2, b"\x00\xff", "ü€", [None])
    async with store.database.transaction() as transaction:
        [(now, *_)] = await transaction.rows(MEANING)
        assert now.utcoffset() == timedelta(0)


async def test_limits_and_isolation_are_ours_whatever_the_database_sets(store: Store) -> None:
    for rows in (
        await store.database.hot(SECONDS, {}),
        await store.database.run(SECONDS),
        (await store.database.hot_together((SECONDS, {}), (SECONDS, {})))[1],
    ):
        assert rows[0][1] == "read committed"
    async with store.database.transaction() as transaction:
        assert (await transaction.rows(SECONDS))[0][1] == "read committed"
    await store.schema.check()


async def test_a_statement_that_fails_leaves_its_connection_usable(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(InvalidInput):
            await store.database.hot_together(("SELECT 1/0", {}), ("SELECT 1", {}))
        assert await store.database.hot("SELECT 1", {}) == [(1,)]


def test_a_schema_is_made_and_removed_whatever_the_database_sets(postgres_url: str) -> None:
    _set(postgres_url, STRANGE)
    upgrade(postgres_url)
    assert current(postgres_url) is not None
    downgrade(postgres_url)
    assert current(postgres_url) is None


async def test_a_database_that_takes_no_writes_is_told_and_not_overruled(database_url: str) -> None:
    _set(database_url, {"default_transaction_read_only": "on"})
    store = Store.open(database_url, pool_size=1)
    try:
        with pytest.raises(Unavailable, match="takes no writes: default_transaction_read_only is on"):
            await store.schema.check()
    finally:
        await store.close()


def test_options_of_an_address_are_passed_on_and_ours_go_before(database_url: str) -> None:
    url = f"{database_url}&options=-c%20work_mem%3D5MB%20-c%20datestyle%3DGerman&application_name=mine"
    with connect(url, "corral") as connection:
        shown = [
            connection.execute(f"SHOW {name}").fetchone()
            for name in ("work_mem", "datestyle", "application_name")
        ]
    assert shown == [("5MB",), ("ISO, MDY",), ("mine",)]
