"""A shop with orders in Corral's own database, and a client that submits in its transactions."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel

from corral.catalog.declaration import job_type
from corral.catalog.limits.limit import Limit
from corral.catalog.record import Declaration, record_of
from corral.catalog.unique import Unique
from corral.job.batch import Batch
from corral.store import Store
from corral.transaction import TransactionClient

COUNT = "SELECT count(*) FROM corral.jobs"
ADD = "INSERT INTO public.orders VALUES (17)"


class Order(BaseModel):
    order: int
    customer: str = ""


confirm = job_type("order.confirm", payload=Order, queue="orders", retries=7)
once = job_type("order.once", payload=Order, queue="orders", unique=Unique(by=["order"]))
never_twice = job_type(
    "order.refused", payload=Order, queue="orders", unique=Unique(by=["order"], on_duplicate="refuse")
)
newest = job_type(
    "order.newest",
    payload=Order,
    queue="orders",
    unique=Unique(by=["order"], on_duplicate="replace", quiet=60, max_wait=600),
)
seat = Limit("seat", each=1, by="customer", on_full="refuse")
seated = job_type("order.seated", payload=Order, queue="orders", limits=[seat])
together = job_type("order.together", payload=Order, queue="orders", batch=Batch(size=10, wait=5))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store.open(database_url, pool_size=5, application_name="test")
    yield opened
    await opened.close()


@pytest.fixture
async def url(store: Store, database_url: str) -> str:
    declared = [Declaration(seat.name, seat.values, "1")]
    kinds = (confirm, once, never_twice, newest, seated, together)
    await store.registration.register([record_of(kind) for kind in kinds], limits=declared)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.orders (id int PRIMARY KEY)")
    return database_url


@pytest.fixture
def jobs() -> TransactionClient:
    return TransactionClient()


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as opened:
        yield opened


@pytest.fixture
def watch(url: str) -> Iterator[Callable[[], int]]:
    """How many jobs everybody else sees."""
    with psycopg.connect(url, autocommit=True) as other:
        yield lambda: other.execute(COUNT).fetchone()[0]
