"""Rules 9 and 12: beyond the free slots a claim of groups takes what can be put back, and leaves every limit room for others."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from tests.integration.store.limits.limit_uses import ACME, IN_USE, ONE, RUNS, group
from tests.integration.store.limits.test_open_claims import BOTH, LOCKS, known, two_at_once

from corral.ids import new_id
from corral.job.limit_use import LimitUse
from corral.store import BeyondSlots, Store
from corral.store.attempts.open_claims import CLAIM_OPEN_BEYOND, OpenTake
from corral.store.postgres.sql_params import texts
from corral_testing.subject import RELEASED, TYPE, Subject
from corral_testing.unique_jobs import unique

SLOW = "other.job"


async def _claim(
    store: Store,
    worker: UUID,
    *groups: Sequence[LimitUse],
    take: int,
    free: int,
    quick: Sequence[str] = (TYPE,),
) -> list[UUID]:
    asked = {group(*uses): OpenTake(take, 0) for uses in groups}
    beyond = BeyondSlots(free, quick)
    answer = await store.limit_claims.claim_open(worker, new_id(), asked, [TYPE, SLOW], beyond=beyond)
    return sorted(one.id for one in answer.claimed)


async def test_it_takes_quick_jobs_beyond_the_slots_and_notes_what_is_in_use(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 90})
    await subject.declare("customer", {"each": 40})
    worker = await known(subject, sql, "one", "customer=acme")
    both = [await subject.submit(uses=BOTH) for _ in range(4)]
    ones = [await subject.submit(uses=ONE) for _ in range(4)]
    assert await _claim(store, worker, BOTH, ONE, take=3, free=2) == sorted(both[:3] + ones[:3])
    assert (
        sql.execute(IN_USE).fetchall() == [("customer=acme", 3), ("one", 6)] == sql.execute(RUNS).fetchall()
    )
    assert await _claim(store, worker, BOTH, ONE, take=3, free=1, quick=()) == both[3:]
    assert await _claim(store, worker, ONE, take=3, free=0, quick=()) == []


async def test_it_takes_nothing_where_it_would_leave_less_room_than_it_takes(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 8})
    await subject.declare("customer", {"each": 5})
    worker = await known(subject, sql, "one", "customer=acme")
    ones = [await subject.submit(uses=ONE) for _ in range(9)]
    acme = [await subject.submit(uses=ACME) for _ in range(9)]
    assert await _claim(store, worker, ONE, take=5, free=2) == []
    assert await _claim(store, worker, ONE, ACME, take=3, free=2) == [], "three of five keys would be taken"
    assert sql.execute(IN_USE).fetchall() == []
    assert await _claim(store, worker, ONE, take=4, free=2) == ones[:4]
    assert await _claim(store, worker, ONE, take=3, free=2) == [], "of the four that are left"
    assert await _claim(store, worker, ACME, take=2, free=1) == acme[:2]


async def test_it_takes_nothing_behind_a_job_of_another_type(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 90})
    worker = await known(subject, sql, "one")
    first = [await subject.submit(uses=ONE) for _ in range(2)]
    slow = await subject.submit(uses=ONE, type=SLOW)
    behind = [await subject.submit(uses=ONE) for _ in range(2)]
    assert await _claim(store, worker, ONE, take=5, free=1) == first
    assert await _claim(store, worker, ONE, take=5, free=1) == [slow]
    assert await _claim(store, worker, ONE, take=5, free=1) == behind


async def test_it_takes_what_can_not_be_put_back_for_free_slots_alone(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 90})
    worker = await known(subject, sql, "one")
    tried = await subject.submit(uses=ONE)
    assert await subject.claim_groups(worker, ONE) == [tried]
    first = await subject.submit(uses=ONE)
    await subject.finish(worker, tried, 1, RELEASED, limited=True)
    keyed = replace(unique("one"), limits=subject.new_job(uses=ONE).limits)
    await store.jobs.insert([keyed])
    last = await subject.submit(uses=ONE)
    assert await _claim(store, worker, ONE, take=4, free=1) == [first, last]
    assert await _claim(store, worker, ONE, take=4, free=2) == sorted([tried, keyed.id])


async def test_it_leaves_jobs_that_a_limit_counts_while_they_wait_to_claims_for_free_slots(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 90})
    worker = await known(subject, sql, "one")
    jobs = [await subject.submit(uses=ONE) for _ in range(3)]
    sql.execute("UPDATE corral.jobs SET counted_by = '{one}' WHERE id = %s", (jobs[2],))
    assert await _claim(store, worker, ONE, take=3, free=1) == []
    assert await _claim(store, worker, ONE, take=2, free=1) == jobs[:2]


@pytest.mark.parametrize(("lock", "runs"), [(LOCKS, 1), (LOCKS.removesuffix(" FOR NO KEY UPDATE"), 2)])
async def test_the_second_of_two_at_once_sees_what_the_first_one_took_but_for_the_lock(
    subject: Subject, sql: psycopg.Connection, database_url: str, lock: str, runs: int
) -> None:
    assert CLAIM_OPEN_BEYOND.count(LOCKS) == 1
    statement = CLAIM_OPEN_BEYOND.replace(LOCKS, lock)
    beyond = {"free": 1, "beyond": texts([TYPE])}
    # Room for two: each of the claims takes one, and would leave one.
    assert await two_at_once(subject, sql, database_url, statement, total=2, **beyond) == runs
