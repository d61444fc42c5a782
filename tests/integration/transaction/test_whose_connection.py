"""Connections of others: their drivers, their settings, and the rights of their roles."""

import runpy
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql as psycopg_sql
from sqlalchemy import create_engine
from tests.integration.transaction.conftest import confirm, never_twice, newest, once, seated

from corral.catalog.record import record_of
from corral.errors import Refused, SchemaMismatch
from corral.ids import new_id
from corral.store import Store
from corral.transaction import TransactionClient

ROOT = Path(__file__).resolve().parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "submit-from-python.md"
EXAMPLE = ROOT / "examples" / "orders_in_transaction.py"


def grants(which: int) -> str:
    """The statements of the how-to: of what every submission needs, and of what keys need besides."""
    blocks = HOW_TO.read_text().split("```sql\n")[1:]
    return blocks[which].split("```")[0]


@pytest.fixture
def role(url: str) -> Iterator[str]:
    name = f"shop_{new_id().hex}"
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            psycopg_sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(psycopg_sql.Identifier(name))
        )
        yield name
        owner.execute(psycopg_sql.SQL("DROP OWNED BY {}").format(psycopg_sql.Identifier(name)))
        owner.execute(psycopg_sql.SQL("DROP ROLE {}").format(psycopg_sql.Identifier(name)))


def as_role(url: str, role: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, user=role, password="x")


def test_a_role_needs_what_the_how_to_grants_and_reads_no_payload(
    url: str, role: str, jobs: TransactionClient
):
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute(
            f"GRANT USAGE ON SCHEMA corral TO {role}; GRANT SELECT ON corral.alembic_version TO {role}"
        )
        with (
            as_role(url, role) as shop,
            pytest.raises(Refused, match=r"permission denied.*has to be granted"),
        ):
            jobs.submit(shop, confirm, {"order": 1})
        owner.execute(grants(0).replace("shop", role))
        with as_role(url, role) as shop:
            jobs.submit(shop, confirm, {"order": 1})
            jobs.submit(shop, seated, {"order": 1})
            with pytest.raises(Refused, match="permission denied"):
                jobs.submit(shop, once, {"order": 1})
        owner.execute(grants(1).replace("shop", role))
        with as_role(url, role) as shop:
            for kind in (once, never_twice, newest, newest):
                jobs.submit(shop, kind, {"order": 1})
            jobs.submit(shop, confirm, {"order": 1}, idempotency_key="one")
            assert jobs.submit(shop, confirm, {"order": 1}, idempotency_key="one").repeated
            shop.commit()
            for unreadable in ("payload FROM corral.jobs", "* FROM corral.api_keys"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    shop.execute(f"SELECT {unreadable}")
                shop.rollback()


def test_other_drivers_are_named(url: str, jobs: TransactionClient):
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(TypeError, match=r"sqlite3\.Connection"),
    ):
        jobs.submit(connection, confirm, {"order": 1})  # type: ignore[call-overload]
    engine = create_engine("sqlite://")
    with engine.connect() as other, pytest.raises(TypeError, match="postgresql\\+psycopg"):
        jobs.submit(other, confirm, {"order": 1})
    engine.dispose()


def test_a_database_without_corral_says_so(postgres_url: str, jobs: TransactionClient):
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(SchemaMismatch, match="corral migrate up"):
            jobs.submit(connection, confirm, {"order": 1})
        connection.execute("INSERT INTO mine VALUES (1)")


async def test_the_example_takes_orders(url: str, store: Store, watch: Callable[[], int]):
    example = runpy.run_path(str(EXAMPLE))
    await store.registration.register([record_of(example["confirm"])])
    with psycopg.connect(url) as connection:
        connection.execute(example["TABLE"])
        connection.commit()
        example["take_order"](connection, example["Order"](order=17, item="a saddle"), 1)
        assert watch() == 1
        with pytest.raises(psycopg.errors.CheckViolation):
            example["take_order"](connection, example["Order"](order=18, item="a bridle"), 0)
    async with await psycopg.AsyncConnection.connect(url) as awaited:
        await example["take_order_in_a_coroutine"](awaited, example["Order"](order=19, item="hay"), 1)
    assert watch() == 2


def test_a_connection_with_rows_loaders_and_a_search_path_of_its_own_will_do(
    url: str, jobs: TransactionClient, watch: Callable[[], int]
):
    with psycopg.connect(
        url,
        row_factory=psycopg.rows.dict_row,
        cursor_factory=psycopg.ClientCursor,
        options="-c search_path=public -c timezone=Asia/Tokyo -c datestyle=SQL,DMY",
    ) as connection:
        later = jobs.submit(connection, confirm, {"order": 1}, delay=3600)
        assert later.run_at is not None
        assert 3500 < (later.run_at - datetime.now(UTC)).total_seconds() < 3700
        jobs.submit(connection, once, {"order": 1}, idempotency_key="one")
        assert jobs.submit(connection, once, {"order": 1}, idempotency_key="one").repeated
    assert watch() == 2
