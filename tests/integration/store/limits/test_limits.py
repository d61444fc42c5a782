"""Rule 12: no limit is exceeded and no slot is lost, however claims, ends and losses follow one another."""

import asyncio
import time
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.store.limits.limit_uses import ACME, IN_USE, MOST_AT_ONCE, ONE, OTHER, WAITING, group

from corral.ids import new_id
from corral.job.limit_use import LimitUse, uses_of
from corral.job.outcome import Finished
from corral.job.priority import Priority
from corral.store import Store
from corral.store.attempts.limit_claims import CLAIM_GROUPS, LOCK_KEYS_OF_GROUPS
from corral.store.limits.room import given_back
from corral.store.postgres.sql_params import array, texts
from corral.store.workers import reclaiming
from corral_testing.subject import EXHAUSTED, SUCCEEDED, Subject
from corral_testing.values import QUEUE, TYPE, new_job


def _claim(worker: UUID, *groups: UUID, take: int = 1) -> dict[str, Any]:
    return {
        "worker": worker,
        "claim": new_id(),
        "groups": array(groups),
        "takes": array([take] * len(groups)),
        "types": texts([TYPE]),
        "alone": False,
        "held": array([]),
    }


async def _bulk(store: Store, count: int, *uses: LimitUse) -> list[UUID]:
    limits = uses_of(QUEUE, Priority.NORMAL, uses)
    jobs = [new_job(payload="1", limits=limits) for _ in range(count)]
    await store.jobs.insert(jobs)
    return [job.id for job in jobs]


async def test_many_workers_at_once_exceed_no_limit_and_lose_no_slot(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 3})
    await subject.declare("customer", {"each": 2})
    kinds = [(*ONE, *ACME), (*ONE, *OTHER), ONE]
    for uses in kinds:
        await _bulk(store, 40, *uses)
    term, done, wrong = await subject.lead(), 0, []

    async def work() -> None:
        nonlocal done
        worker, vain = await subject.worker(), 0
        while done < 120:
            groups = dict.fromkeys((group(*uses) for uses in kinds), 2)
            claimed = (await store.limit_claims.claim(worker, new_id(), groups, [TYPE], alone=False)).claimed
            vain = 0 if claimed else vain + 1
            assert vain < 5000, "somebody holds what nobody gives back"
            ends = [
                Finished(job.id, job.attempt, EXHAUSTED if number % 2 else SUCCEEDED, limited=True)
                for number, job in enumerate(claimed)
            ]
            await store.attempts.finish(worker, ends)
            done += len(ends)

    async def recount() -> None:
        while done < 120:
            wrong.extend((await store.limit_duties.recount(term))[0])

    await asyncio.gather(*(work() for _ in range(4)), recount())
    assert not wrong, "a recount in the middle of it sees what is true"
    assert sql.execute(IN_USE).fetchall() == []
    assert sql.execute(MOST_AT_ONCE).fetchall() == [(3,)]
    assert await store.limit_duties.forget_idle(term) == 3


LOCKED = "OFFSET 0 FOR NO KEY UPDATE SKIP LOCKED) k ON true"


async def _two_claims_at_once(
    subject: Subject, sql: psycopg.Connection, url: str, *, locks: bool, statement: str = CLAIM_GROUPS
) -> int:
    """One claims all the room; before that is committed another one claims. How much is in use then."""
    await subject.declare("one", {"total": 1})
    for _ in range(2):
        await subject.submit(uses=ONE)
    one, two = await subject.worker(), await subject.worker()
    async with (
        await psycopg.AsyncConnection.connect(url) as first,
        await psycopg.AsyncConnection.connect(url) as second,
    ):
        await first.execute(LOCK_KEYS_OF_GROUPS, _claim(one, group(*ONE)))
        assert len(await (await first.execute(CLAIM_GROUPS, _claim(one, group(*ONE)))).fetchall()) == 1

        async def claim() -> None:
            if locks:
                await second.execute(LOCK_KEYS_OF_GROUPS, _claim(two, group(*ONE)))
            await second.execute(statement, _claim(two, group(*ONE)))
            await second.commit()

        task = asyncio.create_task(claim())
        # Without the locks it may pass at once: it has judged what it saw, or waits with that.
        await eventually_async(lambda: (task.done() and not locks) or sql.execute(WAITING).fetchone() != (0,))
        await first.commit()
        await task
    running = sql.execute("SELECT count(*) FROM corral.jobs WHERE state = 'running'").fetchone()
    assert running is not None
    return int(running[0])


async def test_a_claim_waits_for_the_one_that_is_under_way_and_sees_what_it_took(
    subject: Subject, sql: psycopg.Connection, database_url: str
) -> None:
    sql.execute("INSERT INTO corral.limit_keys (name, limit_name, key) VALUES ('one', 'one', '')")
    assert await _two_claims_at_once(subject, sql, database_url, locks=True) == 1


@pytest.mark.parametrize("unlocked", [False, True], ids=["as it is", "were it judged unlocked"])
async def test_a_group_that_was_empty_at_the_lock_is_not_judged_by_a_number_that_another_claim_changes(
    subject: Subject, sql: psycopg.Connection, database_url: str, unlocked: bool
) -> None:
    """Its first job came between the two statements, so that the first one locked no key for it."""
    sql.execute("INSERT INTO corral.limit_keys (name, limit_name, key) VALUES ('one', 'one', '')")
    assert LOCKED in CLAIM_GROUPS
    statement = CLAIM_GROUPS.replace(LOCKED, "OFFSET 0) k ON true") if unlocked else CLAIM_GROUPS
    running = await _two_claims_at_once(subject, sql, database_url, locks=False, statement=statement)
    assert running == (2 if unlocked else 1)


async def test_a_reclaim_that_gives_nothing_back_is_found_by_the_recount(
    subject: Subject, store: Store, sql: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subject.declare("one", {"total": 1})
    worker, term = await subject.worker(), await subject.lead()
    for _ in range(2):
        await subject.submit(uses=ONE)
    await subject.claim_groups(worker, ONE)
    broken = reclaiming.RECLAIM.replace(f"), {given_back('ended')}, counted", "), counted")
    assert broken != reclaiming.RECLAIM
    monkeypatch.setattr(reclaiming, "RECLAIM", broken)
    await subject.lose(worker, term)
    assert await subject.claim_groups(await subject.worker(), ONE) == [], "the slot is lost"
    ((one,), end) = await store.limit_duties.recount(term)
    assert (one.name, one.noted, one.runs, end) == ("one", 1, 0, None)
    assert len(await subject.claim_groups(await subject.worker(), ONE)) == 1


async def test_a_key_whose_row_was_deleted_is_counted_again(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 2})
    worker, term = await subject.worker(), await subject.lead()
    await subject.submit(uses=ONE)
    await subject.claim_groups(worker, ONE)
    sql.execute("DELETE FROM corral.limit_keys")
    ((one,), _) = await store.limit_duties.recount(term)
    assert (one.noted, one.runs) == (0, 1)
    assert await store.limit_duties.forget_idle(term) == 0, "it is in use"


async def test_ten_thousand_jobs_of_one_key_hold_up_no_other(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("customer", {"each": 2})
    await _bulk(store, 10_000, *ACME)
    sql.execute("ANALYZE corral.jobs")
    late = await _bulk(store, 1, *OTHER)
    worker = await subject.worker()
    assert len(await subject.claim_groups(worker, ACME)) == 2
    began = time.monotonic()
    assert await subject.claim_groups(worker, ACME, OTHER) == late
    groups, end = await store.limit_duties.groups()
    assert ({group.id for group in groups}, end) == ({group(*ACME)}, None)
    assert time.monotonic() - began < 5


async def test_groups_are_paged(subject: Subject, store: Store) -> None:
    for key in ("a", "b", "c"):
        await _bulk(store, 3, LimitUse("customer", key))
    found, cursor = set(), None
    while True:
        page, cursor = await store.limit_duties.groups(cursor, limit=2)
        found |= {group.id for group in page}
        if cursor is None:
            break
    assert found == {group(LimitUse("customer", key)) for key in ("a", "b", "c")}


async def test_limits_with_room_are_told_from_full_paused_and_unknown_ones(
    subject: Subject, store: Store
) -> None:
    await subject.declare("one", {"total": 2})
    await subject.declare("customer", {"each": 5})
    await subject.override("customer", "acme", {}, True)
    await subject.submit(uses=ONE)
    await subject.claim_groups(await subject.worker(), ONE)
    found = await store.limit_duties.with_room(["one", "customer=acme", "customer=other", "unknown"])
    assert found == {"one": 1, "customer=other": 5}


async def test_the_release_before_queues_a_limited_job_and_it_waits_for_its_limits_all_the_same(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 1})
    id = await subject.submit(uses=ONE)
    sql.execute("UPDATE corral.jobs SET state = 'queued'")
    worker = await subject.worker()
    assert [reason.value for reason in (await subject.claim(worker, id)).refused.values()] == ["limited"]
    assert await subject.claim_groups(worker, ONE) == [id]


async def test_counts_show_what_waits_for_limits_as_queued(subject: Subject, store: Store) -> None:
    await _bulk(store, 3, *ONE)
    blocked = await subject.submit()
    await subject.block(blocked)
    await subject.submit()
    states = (await store.stats.counts_by_queue())[QUEUE]
    assert {state.value: count for state, count in states.items() if count} == {"queued": 4, "blocked": 1}
