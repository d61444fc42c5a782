"""Slots that handlers hold: within the limit, counted, and free once nobody renews them."""

from uuid import UUID

import psycopg

from corral.ids import new_id
from corral.job.limit_use import LimitUse
from corral.store import Store
from corral_testing.subject import SUCCEEDED, Subject

ONE = (LimitUse("one"),)
IN_USE = "SELECT in_use FROM corral.limit_keys WHERE name = 'one'"


async def running(subject: Subject) -> UUID:
    worker, job = await subject.worker(), await subject.submit()
    await subject.running(worker, job)
    return job


async def test_leases_and_jobs_share_the_slots_of_a_limit(
    subject: Subject, store: Store, sql: psycopg.Connection
):
    await subject.declare("one", {"total": 2})
    job, worker = await running(subject), await subject.worker()
    waiting = [await subject.submit(uses=ONE) for _ in range(3)]
    lease = new_id()
    assert (await store.limit_leases.take(lease, ["one"], job, 1)).taken
    assert await subject.claim_groups(worker, ONE) == waiting[:1], "one of two is held by the handler"
    answer = await store.limit_leases.take(new_id(), ["one"], job, 1)
    assert (answer.taken, answer.holds) == (False, True)
    assert [one.job for one in await store.limit_claims.holders("one")] == [job, waiting[0]]
    (total,) = await store.limits.keys("one", key="")
    assert [one.job for one in total.holders] == [job, waiting[0]]
    assert (await store.limit_duties.recount(await subject.lead()))[0] == [], "a lease is counted"
    assert await store.limit_leases.release(lease) == ["one"]
    assert await store.limit_leases.release(lease) == []
    assert await subject.claim_groups(worker, ONE) == waiting[1:2]


async def test_a_lease_that_nobody_renews_ends(subject: Subject, store: Store, sql: psycopg.Connection):
    await subject.declare("one", {"total": 1})
    job, term, lease = await running(subject), await subject.lead(), new_id()
    await store.limit_leases.take(lease, ["one"], job, 1)
    assert await store.limit_leases.renew([lease]) == {lease}
    assert await store.limit_leases.expire(term) == {}
    sql.execute("UPDATE corral.limit_leases SET expires_at = now() - interval '1 second'")
    assert await store.limit_leases.renew([lease]) == set(), "it may be another's by now"
    assert await store.limit_leases.expire(term) == {"one": 1}
    assert sql.execute(IN_USE).fetchall() == [(0,)]


async def test_an_attempt_that_no_longer_holds_its_job_neither_takes_nor_renews(
    subject: Subject, store: Store
):
    await subject.declare("one", {"total": 5})
    worker, job, lease = await subject.worker(), await subject.submit(), new_id()
    await subject.running(worker, job)
    await store.limit_leases.take(lease, ["one"], job, 1)
    await subject.finish(worker, job, 1, SUCCEEDED)
    assert await store.limit_leases.renew([lease]) == set()
    assert not (await store.limit_leases.take(new_id(), ["one"], job, 1)).holds


async def test_a_parked_limit_gives_no_lease(subject: Subject, store: Store, sql: psycopg.Connection):
    await subject.declare("one", {"total": 5})
    job = await running(subject)
    sql.execute(
        "INSERT INTO corral.limit_keys (name, limit_name, key, parked_until) VALUES ('one', 'one', '', now() - interval '1 s')"
    )
    assert not (await store.limit_leases.take(new_id(), ["one"], job, 1)).taken, "one job goes first"


async def test_a_program_is_shown_with_the_limit_and_counted(subject: Subject, store: Store):
    await subject.declare("one", {"total": 2})
    assert await store.limit_leases.take_for_program(new_id(), ["one"], "import.py on build-3")
    (total,) = await store.limits.keys("one", key="")
    [holder] = total.holders
    assert (holder.job, holder.type, holder.worker, holder.program) == (
        None,
        None,
        None,
        "import.py on build-3",
    )
    assert (await store.limit_duties.recount(await subject.lead()))[0] == []
