from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from tests.contract.subjects import of_store

from corral.store import Store
from corral.store.postgres.database import Limits
from corral_testing.subject import Subject


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of stores that are opened later: whoever waits for a lock gets it, however late a test lets go of it."""
    settings = Limits(statement=60.0, lock=60.0, idle=60.0).settings
    monkeypatch.setattr(Limits, "settings", property(lambda _: settings))


@pytest.fixture
async def subject(database_url: str) -> AsyncIterator[Subject]:
    async with of_store(database_url) as subject:
        yield subject


@pytest.fixture(scope="module")
def shared_url(databases: Any, migrated_template: str) -> Any:
    """A database for all examples of a property."""
    with databases.copy(migrated_template) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    store = Store.open(database_url, pool_size=8, application_name="test")
    yield store
    await store.close()


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection of the test's own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
