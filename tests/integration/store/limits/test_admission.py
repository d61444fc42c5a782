"""Submissions at limits that count what waits, against each other, claims and ends: one sees what the other did."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.store.limits.limit_uses import WAITING

from corral.ids import new_id
from corral.job.job import NewJob
from corral.job.limit_use import LimitUse, group_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.refusals import LimitFull
from corral.store import Store, Verdict
from corral.store.attempts.limit_claims import CLAIM_GROUPS, LOCK_KEYS_OF_GROUPS
from corral.store.jobs.insert import insert_within
from corral.store.limits import admission
from corral.store.postgres.pg_errors import Ambiguous
from corral.store.postgres.sql_params import array, texts
from corral_testing.subject import LONG, SUCCEEDED, Subject
from corral_testing.values import QUEUE, TYPE

pytestmark = pytest.mark.usefixtures("patient")

KEY = (LimitUse("customer", "acme", counted=True),)
GROUP = group_of(QUEUE, Priority.NORMAL, ["customer=acme"])


async def _declared(subject: Subject, on_full: str) -> None:
    await subject.declare("customer", {"each": 1, "by": "customer", "on_full": on_full})


async def _somebody_waits_for_a_lock(sql: psycopg.Connection) -> None:
    await eventually_async(lambda: sql.execute(WAITING).fetchone() != (0,))


async def _two_submitters(subject: Subject, store: Store, sql: psycopg.Connection, *, locks: bool) -> int:
    """One submits; before that is committed another one does. How many jobs are stored then."""
    await _declared(subject, "refuse")
    await subject.submit()  # the queue is known
    sql.execute(
        "INSERT INTO corral.limit_keys (name, limit_name, key) VALUES ('customer=acme', 'customer', 'acme')"
    )
    async with store.database.transaction() as first:
        await insert_within(first, [subject.new_job(uses=KEY)])
        second = asyncio.create_task(store.jobs.insert([subject.new_job(uses=KEY)]))
        if locks:
            await _somebody_waits_for_a_lock(sql)
        else:
            await second
    (answer,) = await asyncio.gather(second, return_exceptions=True)
    assert isinstance(answer, LimitFull) is locks
    row = sql.execute("SELECT count(*) FROM corral.jobs WHERE counted_by IS NOT NULL").fetchone()
    assert row is not None
    return int(row[0])


async def test_of_two_submitters_at_a_limit_with_room_for_one_the_second_is_refused(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    assert await _two_submitters(subject, store, sql, locks=True) == 1


async def test_without_the_locks_of_the_keys_both_are_stored(
    subject: Subject, store: Store, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOCK", "SELECT 1 FROM unnest(%(names)s::text[])")
    assert await _two_submitters(subject, store, sql, locks=False) == 2


async def test_many_submitters_at_once_store_as_many_as_there_is_room_for(
    subject: Subject, store: Store
) -> None:
    await subject.declare("customer", {"each": 3, "by": "customer", "on_full": "refuse"})
    answers = await asyncio.gather(
        *(store.jobs.insert([subject.new_job(uses=KEY)]) for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(answer, list) for answer in answers) == 3
    assert sum(isinstance(answer, LimitFull) for answer in answers) == 9


async def test_a_job_that_is_just_claimed_is_not_superseded(
    subject: Subject, store: Store, sql: psycopg.Connection, database_url: str
) -> None:
    await _declared(subject, "supersede")
    first, worker = await subject.submit(uses=KEY), await subject.worker()
    claim: dict[str, Any] = {
        "worker": worker,
        "claim": new_id(),
        "groups": array([GROUP]),
        "takes": array([1]),
        "types": texts([TYPE]),
        "alone": False,
        "held": array([]),
    }
    async with await psycopg.AsyncConnection.connect(database_url) as claiming:
        await claiming.execute(LOCK_KEYS_OF_GROUPS, claim)
        assert len(await (await claiming.execute(CLAIM_GROUPS, claim)).fetchall()) == 1
        newest = subject.new_job(uses=KEY)
        submission = asyncio.create_task(store.jobs.insert([newest]))
        await _somebody_waits_for_a_lock(sql)
        await claiming.commit()
        (accepted,) = await submission
    assert accepted.displaced == ()
    assert [(await subject.job(id)).state for id in (first, newest.id)] == [State.RUNNING, State.QUEUED]


async def test_a_job_that_is_just_superseded_is_not_claimed(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await _declared(subject, "supersede")
    first, worker = await subject.submit(uses=KEY), await subject.worker()
    newest = subject.new_job(uses=KEY)
    async with store.database.transaction() as submission:
        await insert_within(submission, [newest])
        claim = asyncio.create_task(subject.claim_groups(worker, KEY))
        await _somebody_waits_for_a_lock(sql)
    assert await claim == [newest.id]
    assert (await subject.job(first)).state is State.CANCELLED


async def test_a_completion_that_is_under_way_wins_over_cancel_running(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await _declared(subject, "cancel-running")
    first, worker = await subject.submit(uses=KEY), await subject.worker()
    await subject.claim_groups(worker, KEY)
    newest = subject.new_job(uses=KEY)
    async with store.database.transaction() as submission:
        await admission.lock(submission, [newest])
        completion = asyncio.create_task(subject.finish(worker, first, 1, SUCCEEDED, limited=True))
        await _somebody_waits_for_a_lock(sql)  # it holds the job
        (accepted,) = await insert_within(submission, [newest])
    assert (await completion).verdict is Verdict.RECORDED
    assert accepted.displaced == ()
    job = await subject.job(first)
    assert (job.state, job.cancel_requested_at) == (State.COMPLETED, None)
    assert await subject.claim_groups(worker, KEY) == [newest.id]


async def test_a_job_that_somebody_promotes_just_now_is_superseded_after_that(
    subject: Subject, store: Store, database_url: str
) -> None:
    await _declared(subject, "supersede")
    delayed = await subject.submit(uses=KEY, delay=LONG)
    async with await psycopg.AsyncConnection.connect(database_url) as promoting:
        await promoting.execute("UPDATE corral.jobs SET state = 'blocked', run_at = NULL, queued_at = now()")
        newest = subject.new_job(uses=KEY)
        statements: list[Sequence[Any]] = []

        async def commit_after_the_first_try() -> None:
            await eventually_async(lambda: len(statements) > 0)
            await promoting.commit()

        async with store.database.transaction() as submission:
            rows = submission.rows

            async def watched(statement: str, params: Any = None) -> Any:
                found = await rows(statement, params)
                if statement is admission.SUPERSEDE:
                    statements.append(found)
                return found

            submission.rows = watched  # type: ignore[method-assign]
            promotion = asyncio.create_task(commit_after_the_first_try())
            (accepted,) = await insert_within(submission, [newest])
            await promotion
    assert [one.id for one in accepted.displaced] == [delayed]
    assert (await subject.job(delayed)).state is State.CANCELLED


async def test_a_commit_whose_answer_was_lost_is_not_stored_twice_and_not_refused(
    subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _declared(subject, "refuse")
    transaction, lost = store.database.transaction, []

    class Losing:
        """Commits, and then says that the answer was lost."""

        def __init__(self, *args: Any) -> None:
            self._inner = transaction(*args)

        async def __aenter__(self) -> Any:
            return await self._inner.__aenter__()

        async def __aexit__(self, *error: object) -> None:
            await self._inner.__aexit__(*error)  # type: ignore[arg-type]
            if not lost:
                lost.append(True)
                raise Ambiguous("postgres", "the connection was lost")

    monkeypatch.setattr(store.database, "transaction", Losing)
    job = subject.new_job(uses=KEY)
    (accepted,) = await store.jobs.insert([job])
    assert (accepted.id, lost) == (job.id, [True])


async def test_what_is_not_counted_pays_no_statement(
    subject: Subject, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    hot = store.database.hot

    async def counting(statement: str, params: Any) -> Any:
        statements.append(statement)
        return await hot(statement, params)

    def none(*_: Any) -> None:
        raise AssertionError("a transaction of several round trips")

    monkeypatch.setattr(store.database, "hot", counting)
    monkeypatch.setattr(store.database, "transaction", none)
    jobs: list[NewJob] = [subject.new_job(), subject.new_job(uses=(LimitUse("one"),))]
    await store.jobs.insert(jobs)
    assert len(statements) == 1


async def test_ten_thousand_that_wait_are_counted_by_their_key_alone(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("customer", {"each": 1, "by": "customer", "max_waiting": 3})
    other = (LimitUse("customer", "other"),)
    ids: list[UUID] = []
    for _ in range(4):
        jobs = [subject.new_job(uses=other) for _ in range(2500)]
        await store.jobs.insert(jobs)
        ids += [job.id for job in jobs]
    sql.execute("ANALYZE corral.jobs")
    await subject.submit(uses=KEY)
    plan = sql.execute("EXPLAIN " + admission.LOADS.replace("%(names)s", "ARRAY['customer=acme']")).fetchall()
    assert any("jobs_counted" in line for (line,) in plan), plan
