"""Jobs that are submitted in a transaction of the caller's: they exist exactly if it commits (protocol rule 4)."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool
from tests.fixtures.waiting import eventually
from tests.integration.transaction.conftest import (
    ADD,
    COUNT,
    Order,
    confirm,
    never_twice,
    once,
    seated,
    together,
)

from corral.errors import InvalidInput
from corral.job.state import State
from corral.refusals import Duplicate
from corral.store import Store
from corral.transaction import SubmittedJob, TransactionClient, client

ROWS = "SELECT type, state, payload::text, created_by FROM corral.jobs ORDER BY id"
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
    (began, _) = connection.execute("SELECT now(), pg_sleep(0.3)").fetchone() or ()
    job = jobs.submit(connection, confirm, {"order": 1}, delay=0.2)
    assert job.state is State.SCHEDULED, "0.2 s from the BEGIN are over"
    assert job.run_at is not None
    assert job.run_at - began >= timedelta(seconds=0.5)
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


def test_an_option_that_is_set_counts_within_a_second(
    connection: psycopg.Connection[Any], jobs: TransactionClient, monkeypatch: pytest.MonkeyPatch
):
    jobs.submit(connection, confirm, {"order": 1})
    connection.execute(
        "UPDATE corral.job_types SET overrides = '{\"retries\": 1}' WHERE name = 'order.confirm'"
    )

    def retries() -> object:
        told = jobs.submit(connection, confirm, {"order": 2})
        return connection.execute("SELECT retries FROM corral.jobs WHERE id = %s", (told.id,)).fetchone()

    with monkeypatch.context() as patch:
        patch.setattr(client, "FRESH_SECONDS", 60.0)  # however busy the machine is
        assert retries() == (7,), "what it read a moment ago"
    eventually(lambda: retries() == (1,), timeout=5)
