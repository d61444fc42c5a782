"""Jobs that are submitted in a transaction of the caller's: they exist exactly if it commits (protocol rule 4)."""

import inspect
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
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from corral.catalog.declaration import job_type
from corral.catalog.limit import Limit
from corral.catalog.record import Declaration, record_of
from corral.catalog.unique import Unique
from corral.errors import InvalidInput, Refused, SchemaMismatch
from corral.ids import new_id
from corral.job.batch import Batch
from corral.job.job import NewJob
from corral.job.priority import Priority
from corral.job.state import State
from corral.job.unique import Deduplication
from corral.refusals import Duplicate
from corral.store import Store
from corral.transaction import SubmittedJob, TransactionClient

ROOT = Path(__file__).resolve().parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "submit-from-python.md"
EXAMPLE = ROOT / "examples" / "orders_in_transaction.py"
COUNT = "SELECT count(*) FROM corral.jobs"
ROWS = "SELECT type, state, payload::text, created_by FROM corral.jobs ORDER BY id"


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


ADD = "INSERT INTO public.orders VALUES (17)"
KINDS = (
    "connection",
    "session",
    "scoped session",
    "AsyncConnection",
    "AsyncSession",
    "psycopg",
    "psycopg async",
)


async def test_a_job_exists_exactly_if_the_transaction_commits(
    url: str, jobs: TransactionClient, watch: Callable[[], int]
):
    """Through every kind of connection, and also where the job is the first thing that it is used for."""
    stored = 0
    for number, kind in enumerate(KINDS):
        for ends, count in (("rollback", 0), ("commit", 2)):
            with_job = await _submitted(jobs, url, kind, ends, ADD.replace("17", str(number)))
            stored += count
            assert watch() == stored, f"after a {ends} of {kind}"
            assert with_job == 2


async def _submitted(jobs: TransactionClient, url: str, kind: str, ends: str, add: str) -> int:
    """Submit twice in a transaction that ends so; how many were promised."""
    address = url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine: Any = (create_async_engine if "Async" in kind else create_engine)(address, poolclass=NullPool)
    opened: Any = {
        "connection": engine.connect,
        "session": lambda: Session(engine),
        "scoped session": lambda: scoped_session(sessionmaker(engine)),
        "AsyncConnection": engine.connect,
        "AsyncSession": lambda: AsyncSession(engine),
        "psycopg": lambda: psycopg.connect(url),
        "psycopg async": lambda: psycopg.AsyncConnection.connect(url),
    }[kind]()

    async def done(answer: Any) -> Any:
        return await answer if inspect.isawaitable(answer) else answer

    if kind in ("AsyncConnection", "psycopg async"):
        opened = await opened
    watcher = psycopg.connect(url, autocommit=True)
    before = watcher.execute(COUNT).fetchone()
    try:
        told = [await done(jobs.submit(opened, confirm, Order(order=17)))]
        await done(opened.execute(add if "psycopg" in kind else text(add)))
        told.append(await done(jobs.submit(opened, "order.confirm", {"order": 18}, tags=["two"])))
        assert watcher.execute(COUNT).fetchone() == before, "nobody sees them before the commit"
        await done(getattr(opened, ends)())
    finally:
        watcher.close()
        await done(opened.remove() if kind == "scoped session" else opened.close())
        await done(engine.dispose())
    return sum(isinstance(job, SubmittedJob) and job.state is State.QUEUED for job in told)


def test_what_is_stored_is_what_a_publisher_would_store(
    connection: psycopg.Connection[Any], jobs: TransactionClient, url: str
):
    job = jobs.submit(connection, confirm, {"order": 17})
    connection.commit()
    assert connection.execute(ROWS).fetchall() == [
        ("order.confirm", "queued", '{"order":17}', f"database:{connection.info.user}")
    ]
    assert connection.execute("SELECT id, retries, queue FROM corral.jobs").fetchone() == (
        job.id,
        7,
        "orders",
    )


def refusing(jobs: TransactionClient, connection: psycopg.Connection[Any]) -> dict[str, Callable[[], object]]:
    return {
        "/type": lambda: jobs.submit(connection, "order.unknown", {}),
        "/payload/order": lambda: jobs.submit(connection, confirm, {"order": "many"}),
        "/queue": lambda: jobs.submit(connection, confirm, {"order": 1}, queue="elsewhere"),
        "/delay": lambda: jobs.submit(connection, confirm, {"order": 1}, delay=-1),
        "/idempotency_key": lambda: jobs.submit(connection, confirm, {"order": 1}, idempotency_key=""),
        "/jobs/1/payload/order": lambda: jobs.submit_many(
            connection, [{"type": confirm, "payload": {"order": 1}}, {"type": confirm, "payload": {}}]
        ),
        "/jobs/0/type": lambda: jobs.submit_many(connection, [{"payload": {"order": 1}}]),
        "/jobs/0/idempotency_key": lambda: jobs.submit_many(
            connection, [{"type": confirm, "payload": {"order": 1}, "idempotency_key": "a"}]
        ),
    }


def test_what_is_refused_leaves_the_transaction_as_it_was(
    connection: psycopg.Connection[Any], jobs: TransactionClient
):
    connection.execute(ADD)
    for pointer, refused in refusing(jobs, connection).items():
        with pytest.raises(InvalidInput) as told:
            refused()
        assert [error.pointer for error in told.value.errors][:1] == [pointer]
    jobs.submit(connection, never_twice, {"order": 1})
    with pytest.raises(Duplicate):
        jobs.submit_many(
            connection,
            [{"type": never_twice, "payload": {"order": number}} for number in (2, 1)],
        )
    with pytest.raises(TypeError, match="no option 'when'"):
        jobs.submit(connection, confirm, {"order": 1}, when=3)  # type: ignore[call-arg]
    connection.commit()
    assert connection.execute(COUNT).fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM corral.unique_keys").fetchone() == (1,)
    assert connection.execute("SELECT count(*) FROM public.orders").fetchone() == (1,)


def test_duplicates_are_told_and_replaced_as_elsewhere(
    connection: psycopg.Connection[Any], jobs: TransactionClient
):
    first = jobs.submit(connection, once, {"order": 1})
    second = jobs.submit(connection, once, {"order": 1, "customer": "acme"})
    assert second.id == first.id
    assert second.duplicate is not None
    assert second.duplicate.what is Deduplication.EXISTING
    waiting = jobs.submit(connection, newest, {"order": 1})
    changed = jobs.submit(connection, newest, {"order": 1, "customer": "acme"})
    assert (changed.id, changed.state) == (waiting.id, State.SCHEDULED)
    assert changed.duplicate is not None
    assert changed.duplicate.what is Deduplication.REPLACED
    connection.commit()
    stored = connection.execute("SELECT payload->>'customer' FROM corral.jobs WHERE id = %s", [waiting.id])
    assert stored.fetchone() == ("acme",)


def test_a_bulk_with_duplicates_is_one_transaction(
    connection: psycopg.Connection[Any], jobs: TransactionClient, watch: Callable[[], int]
):
    wanted = [{"type": once, "payload": {"order": number % 500}} for number in range(1_000)]
    told = jobs.submit_many(connection, wanted)
    connection.commit()
    assert watch() == 500
    assert sum(one.duplicate is None for one in told) == 500
    with pytest.raises(InvalidInput, match="10,001 jobs are more than 10,000"):
        jobs.submit_many(connection, wanted[:1] * 10_001)


def test_an_idempotency_key_stores_once(connection: psycopg.Connection[Any], jobs: TransactionClient):
    first = jobs.submit(connection, confirm, {"order": 1}, idempotency_key="order 1")
    connection.commit()
    again = jobs.submit(connection, confirm, {"order": 1}, idempotency_key="order 1")
    assert (again.id, again.repeated, again.expired) == (first.id, True, False)
    with pytest.raises(InvalidInput, match="used for another request"):
        jobs.submit(connection, confirm, {"order": 2}, idempotency_key="order 1")
    many = [{"type": confirm, "payload": {"order": number}} for number in (1, 2)]
    told = jobs.submit_many(connection, many, idempotency_key="both")
    assert [one.id for one in jobs.submit_many(connection, many, idempotency_key="both")] == [
        one.id for one in told
    ]
    connection.rollback()
    assert not jobs.submit(connection, confirm, {"order": 3}, idempotency_key="both").repeated


def test_a_key_that_another_transaction_holds_is_waited_for_a_second(
    connection: psycopg.Connection[Any], jobs: TransactionClient, url: str
):
    jobs.submit(connection, once, {"order": 1})
    jobs.submit(connection, confirm, {"order": 1}, idempotency_key="one")
    with psycopg.connect(url) as other:
        other.execute("SET LOCAL lock_timeout = '17s'")
        other.execute(ADD)
        for refused in (
            lambda: jobs.submit(other, once, {"order": 1}),
            lambda: jobs.submit(other, confirm, {"order": 1}, idempotency_key="one"),
        ):
            with pytest.raises(Refused, match="another transaction holds this key right now"):
                refused()
        jobs.submit(other, once, {"order": 2})
        assert other.execute("SHOW lock_timeout").fetchone() == ("17s",), "what was set is in force again"
        connection.rollback()
        assert jobs.submit(other, once, {"order": 1}).duplicate is None, "the other one rolled back"
        other.commit()
    assert connection.execute("SELECT count(*) FROM public.orders").fetchone() == (1,)


async def test_a_publisher_does_not_wait_for_an_open_transaction_without_end(
    connection: psycopg.Connection[Any], jobs: TransactionClient, store: Store
):
    jobs.submit(connection, once, {"order": 1})
    rule = Unique(by=["order"])
    job = NewJob(
        id=new_id(),
        type=once.name,
        queue="orders",
        priority=Priority.NORMAL,
        payload="{}",
        retries=0,
        timeout=None,
        max_stalls=0,
        unique=rule.key(once.name, "1"),
    )
    held = connection.execute("SELECT key FROM corral.unique_keys").fetchone()
    assert held is not None
    assert job.unique is not None
    assert job.unique.name == held[0]
    with pytest.raises(Refused, match="another request holds this unique key right now"):
        await store.unique_jobs.insert([[job]])


async def test_a_limited_job_waits_for_its_key_and_locks_it_for_nobody(
    connection: psycopg.Connection[Any], jobs: TransactionClient, store: Store
):
    """A limit that refuses lets it in: claims would wait for the key for as long as the transaction is open."""
    for _ in range(2):
        jobs.submit(connection, seated, {"order": 1, "customer": "acme"})
    jobs.submit(connection, together, {"order": 1})
    assert not connection.execute(
        "SELECT FROM pg_locks l WHERE l.relation = 'corral.limit_keys'::regclass AND l.mode <> 'AccessShareLock'"
    ).fetchall()
    connection.commit()
    rows = connection.execute(
        "SELECT type, state, limits, counted_by FROM corral.jobs ORDER BY id"
    ).fetchall()
    name = ["seat=acme"]
    assert rows == [("order.seated", "blocked", name, name)] * 2 + [("order.together", "blocked", [], None)]


def test_times_count_from_the_submission_not_from_the_begin(
    connection: psycopg.Connection[Any], jobs: TransactionClient
):
    connection.execute("SELECT now(), pg_sleep(0.3)")
    job = jobs.submit(connection, confirm, {"order": 1}, delay=0.2)
    assert job.state is State.SCHEDULED, "0.2 s from the BEGIN are over"
    assert job.run_at is not None
    assert job.run_at > datetime.now(UTC).replace(microsecond=0)
    plain = jobs.submit(connection, confirm, {"order": 2})
    waited = connection.execute(
        "SELECT queued_at > now() + interval '0.2 s' FROM corral.jobs WHERE id = %s", [plain.id]
    )
    assert waited.fetchone() == (True,)


def test_in_autocommit_each_submission_is_a_transaction(
    url: str, jobs: TransactionClient, watch: Callable[[], int]
):
    with psycopg.connect(url, autocommit=True) as connection:
        jobs.submit(connection, confirm, {"order": 1})
        assert watch() == 1
        with connection.transaction(force_rollback=True):
            jobs.submit(connection, confirm, {"order": 2})
        assert watch() == 1


@pytest.mark.parametrize(
    "level", [psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE]
)
def test_stricter_isolation_works_and_its_failures_are_the_drivers(
    url: str, jobs: TransactionClient, level: psycopg.IsolationLevel
):
    with psycopg.connect(url) as one, psycopg.connect(url) as two:
        one.isolation_level = two.isolation_level = level
        for connection in (one, two):
            connection.execute("SELECT count(*) FROM public.orders")
        jobs.submit(one, once, {"order": 1})
        one.commit()
        with pytest.raises(psycopg.errors.SerializationFailure):
            jobs.submit(two, once, {"order": 1})
        two.rollback()
        told = jobs.submit(two, once, {"order": 1})
        assert told.duplicate is not None


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


def test_an_option_that_is_set_counts_within_a_second(
    connection: psycopg.Connection[Any], jobs: TransactionClient, monkeypatch: pytest.MonkeyPatch
):
    jobs.submit(connection, confirm, {"order": 1})
    connection.execute(
        "UPDATE corral.job_types SET overrides = '{\"retries\": 1}' WHERE name = 'order.confirm'"
    )
    monkeypatch.setattr("corral.transaction.client.FRESH_SECONDS", 0.0)
    jobs.submit(connection, confirm, {"order": 2})
    assert connection.execute("SELECT retries FROM corral.jobs ORDER BY id").fetchall() == [(7,), (1,)]


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
