"""Unique keys and idempotency keys in transactions of callers: held until these end."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.integration.transaction.conftest import ADD, confirm, newest, once

from corral.catalog.unique import Unique
from corral.errors import InvalidInput, Refused
from corral.job.state import State
from corral.job.unique import Deduplication
from corral.store import Store
from corral.transaction import TransactionClient
from corral_testing.values import new_job


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
    job = new_job(type=once.name, queue="orders", unique=rule.key(once.name, "1"))
    held = connection.execute("SELECT key FROM corral.unique_keys").fetchone()
    assert held is not None
    assert job.unique is not None
    assert job.unique.name == held[0]
    with pytest.raises(Refused, match="another request holds this unique key right now"):
        await store.unique_jobs.insert([[job]])
