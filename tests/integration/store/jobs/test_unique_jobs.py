"""Unique jobs in Postgres: many clients at once, lost commits, open transactions, ends at the same moment, removal."""

import asyncio
from math import inf
from typing import Any

import psycopg
import pytest
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async
from tests.integration.store.attempts.test_lost_commits import _cut_while_committing

from corral.errors import Refused
from corral.job.follow_up import FollowsOn, FollowUp
from corral.job.outcome import Finished
from corral.job.state import State
from corral.job.unique import Deduplication
from corral.store import Store
from corral.store.postgres.database import Limits
from corral.store.unique import unique_jobs
from corral.store.unique.unique_jobs import UniqueJobs
from corral_testing.subject import ERRED, SUCCEEDED, Subject
from corral_testing.unique_jobs import KEEP_LATEST, REFUSE, REPLACE, put, unique, what
from corral_testing.values import TYPE

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
HOLD = "INSERT INTO corral.unique_keys (key, holder, newest) VALUES (%(key)s, gen_random_uuid(), gen_random_uuid())"
LOCK = "SELECT FROM corral.unique_keys WHERE key = %(key)s FOR UPDATE"
PATIENT = Limits(statement=60.0, lock=60.0)


def key(name: str = "a") -> dict[str, str]:
    return {"key": f"{TYPE}:{name}"}


async def test_a_hundred_clients_race_for_one_key(store: Store, sql: psycopg.Connection):
    """One of them makes the job; all the others learn of it."""
    answers = await asyncio.gather(*(store.unique_jobs.insert([[unique()]]) for _ in range(100)))
    told = [one for answer in answers for each in answer if isinstance(each, list) for one in each]
    assert len(told) == 100
    assert sum(one.duplicate is None for one in told) == 1
    assert len({one.id for one in told}) == 1
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (1,)


async def test_whoever_waited_for_a_key_sees_who_took_it_meanwhile(store: Store, sql: psycopg.Connection):
    """Its statement began before the holder's job was there, and the holder is live all the same."""
    first = unique()
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(
            "INSERT INTO corral.jobs (id, type, queue, priority, state, payload, retries, max_stalls, queued_at, unique_key)"
            " VALUES (%(id)s, %(type)s, 'q', 'normal', 'queued', '{}', 1, 1, now(), %(key)s)",
            {"id": first.id, "type": TYPE} | key(),
        )
        holder.execute(
            "INSERT INTO corral.unique_keys (key, holder, newest) VALUES (%(key)s, %(id)s, %(id)s)",
            {"id": first.id} | key(),
        )
        waiting = asyncio.create_task(UniqueJobs(store.database, PATIENT).insert([[unique()]]))
        await eventually_async(lambda: sql.execute(WAITING).fetchone() == (1,))
        holder.commit()
        (answer,) = await waiting
    assert isinstance(answer, list)
    assert [(one.id, what(one)) for one in answer] == [(first.id, Deduplication.EXISTING)]


async def test_bulks_with_the_same_keys_in_other_orders_do_not_deadlock(
    store: Store, sql: psycopg.Connection
):
    """Both have to wait for the key in the middle; neither may hold one by then that the other needs."""
    names = [f"key {number}" for number in range(9)]
    patient = UniqueJobs(store.database, PATIENT)
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(HOLD, key(names[4]))
        both = [
            asyncio.create_task(patient.insert([[unique(name) for name in order]]))
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
        holder.execute(HOLD, key())
        with pytest.raises(Refused, match="another request holds this unique key"):
            await store.unique_jobs.insert([[unique()]])
        holder.rollback()
    (answer,) = await store.unique_jobs.insert([[mine := unique()]])
    assert isinstance(answer, list)
    assert answer[0].id == mine.id


async def test_a_job_that_somebody_holds_is_not_waited_for_while_its_key_is_held(
    store: Store, subject: Subject, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    """An end holds the job and wants the key: the submission lets go of the key, and begins anew."""
    first, begun = unique(rule=REPLACE, max_wait=100), []
    await put(subject, first)
    insert = unique_jobs.insert_unique

    async def noted(*arguments: Any, **keywords: Any) -> Any:
        begun.append(True)
        return await insert(*arguments, **keywords)

    monkeypatch.setattr(unique_jobs, "insert_unique", noted)
    monkeypatch.setattr(unique_jobs, "ANEW_SECONDS", 60.0)
    patient = UniqueJobs(store.database, PATIENT)
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute("SELECT FROM corral.jobs FOR UPDATE")
        waiting = asyncio.create_task(patient.insert([[unique(rule=REPLACE, max_wait=100)]]))
        await eventually_async(lambda: len(begun) > 1)
        holder.execute("SET lock_timeout = '30s'")
        await asyncio.to_thread(holder.execute, LOCK, key())
        holder.rollback()
        (answer,) = await waiting
    assert isinstance(answer, list)
    assert [(one.id, what(one)) for one in answer] == [(first.id, Deduplication.REPLACED)]


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("outcome", [SUCCEEDED, ERRED], ids=["success", "error"])
async def test_an_end_and_a_submission_at_the_same_moment_lose_nobody(
    store: Store, subject: Subject, sql: psycopg.Connection, outcome: object
):
    """The submission has seen the holder run, and waits behind it: the end must not pass without seeing that."""
    worker, first, second = await subject.worker(), unique(rule=KEEP_LATEST), unique(rule=KEEP_LATEST)
    await put(subject, first)
    await subject.running(worker, first.id)
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as submission:
        submission.execute(LOCK, key())
        submission.execute(
            "INSERT INTO corral.jobs (id, type, queue, priority, state, payload, retries, max_stalls, unique_key)"
            " VALUES (%(id)s, %(type)s, 'q', 'normal', 'blocked', '{}', 1, 1, %(key)s)",
            {"id": second.id, "type": TYPE} | key(),
        )
        submission.execute(
            "UPDATE corral.unique_keys SET waiting = %(id)s WHERE key = %(key)s", {"id": second.id} | key()
        )
        finished = Finished(first.id, 1, outcome, unique=True)  # type: ignore[arg-type]
        ending = asyncio.create_task(store.attempts.finish(worker, [finished]))
        await eventually_async(lambda: sql.execute(WAITING).fetchone() == (1,))
        submission.commit()
        (recorded,) = await ending
    assert [one.id for one in recorded.promoted] == [second.id]
    assert recorded.state is (State.COMPLETED if outcome is SUCCEEDED else State.FAILED)
    assert (await subject.job(second.id)).state is State.QUEUED


async def test_a_commit_whose_answer_was_lost_is_found_to_be_its_own(
    database_url: str, store: Store, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(unique_jobs, "RESOLVE_SECONDS", 60.0)
    with Proxy(database_url) as proxy:
        far = Store.open(proxy.url, pool_size=2)
        try:
            mine = [unique("a"), unique("a"), unique("b")]
            patient = UniqueJobs(far.database, PATIENT)
            (answer,) = await _cut_while_committing(patient.insert([mine]), proxy, sql)
        finally:
            await far.close()
    assert isinstance(answer, list)
    assert [(one.id, what(one)) for one in answer] == [
        (mine[0].id, None),
        (mine[0].id, Deduplication.EXISTING),
        (mine[2].id, None),
    ]
    assert sql.execute("SELECT count(*) FROM corral.jobs").fetchone() == (2,)


async def test_a_holder_that_was_removed_leaves_its_state(subject: Subject):
    store, worker = subject.store, await subject.worker()
    assert isinstance(store, Store)
    first = unique(within=3600)
    await put(subject, first)
    await subject.running(worker, first.id)
    await subject.finish(worker, first.id, 1, SUCCEEDED, unique=True)
    await store.duties.retain(await subject.lead(), installation={"keep_finished": {"count": 0}})
    (told,) = await put(subject, unique(within=3600))
    assert (told.id, told.state) == (first.id, State.COMPLETED)
    assert told.duplicate is not None
    assert told.duplicate.removed


async def test_a_follow_up_with_a_key_is_stored_apart_from_the_outcome(
    store: Store, subject: Subject, sql: psycopg.Connection
):
    """A refusal is a line in the log of the job that announced it, and changes no outcome."""
    worker = await subject.worker()
    new, same, other = unique("a", REFUSE), unique("a", REFUSE), unique("b", within=inf)
    announced = [
        FollowUp(FollowsOn.SUCCESS, new),
        FollowUp(FollowsOn.END, same),
        FollowUp(FollowsOn.FAILURE, other),
    ]
    announcer = await subject.submit()
    await subject.running(worker, announcer)
    ending = Finished(announcer, 1, SUCCEEDED, tuple(announced))
    for _ in range(2):
        (recorded,) = await store.attempts.finish(worker, [ending])
    assert recorded.state is State.COMPLETED
    assert await store.keyed_follow_ups.left(0.0, 10) == [new.id, same.id]
    with psycopg.connect(sql.info.dsn, password=sql.info.password) as holder:
        holder.execute(HOLD, key())
        with pytest.raises(Refused):
            await store.keyed_follow_ups.store(new.id)
        holder.rollback()
    stored = await store.keyed_follow_ups.store(new.id)
    assert stored is not None
    assert stored.accepted is not None
    assert (stored.job, stored.accepted.id) == (new, new.id)
    refused = await store.keyed_follow_ups.store(same.id)
    assert refused is not None
    assert refused.accepted is None
    assert await store.keyed_follow_ups.store(same.id) is None
    assert [one.follow_up for one in await store.follow_ups.of(announcer)] == [new.id]
    (line,) = await store.jobs.logs(announcer)
    assert f"{same.id} (test) is not stored" in line.text.replace(TYPE, "test")
    assert str(new.id) in line.text
    assert await store.keyed_follow_ups.left(0.0, 10) == []


async def test_a_fenced_attempt_keeps_no_follow_up(store: Store, subject: Subject):
    worker, announcer = await subject.worker(), await subject.submit()
    await subject.running(worker, announcer)
    await subject.lose(worker, await subject.lead())
    ending = Finished(announcer, 1, SUCCEEDED, (FollowUp(FollowsOn.END, unique()),))
    await store.attempts.finish(worker, [ending])
    assert await store.keyed_follow_ups.left(0.0, 10) == []
