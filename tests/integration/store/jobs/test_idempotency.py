"""Keys under which a request is stored once: many clients at once, lost commits, open transactions, removal."""

import asyncio

import psycopg
import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.store.attempts.test_lost_commits import _cut_while_committing

from corral.errors import Refused
from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import EarlierJob, EarlierRequest, Store
from corral.store.jobs.idempotency import Idempotency
from corral.store.postgres.database import Limits
from corral_testing.conformance.idempotent import ids, job, request
from corral_testing.subject import SUCCEEDED, Subject

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
HOLD = (
    "INSERT INTO corral.idempotency_keys (caller, key, digest, expires_at) VALUES ('ann', %(key)s, '', now())"
)
PATIENT = Limits(statement=60.0, lock=60.0)


async def test_a_hundred_clients_race_for_one_key(store: Store, sql: psycopg.Connection):
    """One of them stores it; all the others learn of its job."""
    answers = await asyncio.gather(*(store.idempotency.insert([request("a")]) for _ in range(100)))
    assert sum(isinstance(answer, list) for (answer,) in answers) == 1
    assert len({one for (answer,) in answers for one in ids(answer)}) == 1
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (1,)


async def test_requests_with_the_same_keys_in_other_orders_do_not_deadlock(
    store: Store, sql: psycopg.Connection
):
    """Both have to wait for the key in the middle; neither may hold one by then that the other needs."""
    names = [f"key {number}" for number in range(9)]
    patient = Idempotency(store.database, PATIENT)
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(HOLD, {"key": names[4]})
        both = [
            asyncio.create_task(patient.insert([request(name) for name in order]))
            for order in (names, names[::-1])
        ]
        await eventually_async(lambda: sql.execute(WAITING).fetchone() == (2,))
        holder.rollback()
        await asyncio.gather(*both)
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (len(names),)


async def test_an_open_transaction_that_holds_the_key_is_not_waited_for_without_end(
    store: Store, sql: psycopg.Connection
):
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(HOLD, {"key": "a"})
        with pytest.raises(Refused, match="another request with this key is being stored"):
            await store.idempotency.insert([request("a")])
        patient = Idempotency(store.database, PATIENT)
        waiting = asyncio.create_task(patient.insert([mine := request("a")]))
        await eventually_async(lambda: sql.execute(WAITING).fetchone() == (1,))
        holder.rollback()
        (answer,) = await waiting
    assert ids(answer) == [mine.jobs[0].id]


async def test_a_commit_whose_answer_was_lost_is_found_to_be_its_own(
    database_url: str, store: Store, sql: psycopg.Connection
):
    with Proxy(database_url) as proxy:
        far = Store.open(proxy.url, pool_size=2)
        try:
            mine = request("a", job(), job())
            (answer,) = await _cut_while_committing(far.idempotency.insert([mine]), proxy, sql)
        finally:
            await far.close()
    assert isinstance(answer, list), "it is no earlier request"
    assert ids(answer) == [one.id for one in mine.jobs]
    (earlier,) = await store.idempotency.insert([request("a")])
    assert isinstance(earlier, EarlierRequest)
    assert ids(earlier) == [one.id for one in mine.jobs]


async def test_a_job_that_was_removed_leaves_its_state(subject: Subject):
    store, worker = subject.store, await subject.worker()
    assert isinstance(store, Store)
    mine = request("a", job(), job())
    gone, kept = (one.id for one in mine.jobs)
    await store.idempotency.insert([mine])
    await subject.running(worker, gone)
    await store.attempts.finish(worker, [Finished(gone, 1, SUCCEEDED)])
    removed = await store.duties.retain(await subject.lead(), installation={"keep_finished": {"count": 0}})
    assert removed == 1
    (earlier,) = await store.idempotency.insert([request("a", job(), job())])
    assert isinstance(earlier, EarlierRequest)
    assert earlier.jobs == [
        EarlierJob(gone, State.COMPLETED, removed=True),
        EarlierJob(kept, State.QUEUED, removed=False),
    ]
