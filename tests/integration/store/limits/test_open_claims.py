"""Rule 12: a claim by one statement takes all of what it is asked for or nothing, and exceeds no limit."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async
from tests.integration.store.limits.limit_uses import (
    ACME,
    IN_USE,
    MOST_AT_ONCE,
    ONE,
    OTHER,
    RUNS,
    WAITING,
    group,
)

from corral.ids import new_id
from corral.job.limit_use import LimitUse
from corral.store import LimitChange, Store
from corral.store.attempts.open_claims import CLAIM_OPEN, OpenTake
from corral.store.postgres.sql_params import array, numbers, texts
from corral_testing.subject import SUCCEEDED, TYPE, Subject

BOTH = (*ONE, *ACME)
LOCKS = "WHERE k.name = n.name OFFSET 0 FOR NO KEY UPDATE"


async def _claim(
    store: Store, worker: UUID, *groups: tuple[LimitUse, ...], take: int = 10, since: float = 0
) -> list[UUID]:
    asked = {group(*uses): OpenTake(take, since) for uses in groups}
    return [one.id for one in (await store.limit_claims.claim_open(worker, new_id(), asked, [TYPE])).claimed]


async def known(subject: Subject, sql: psycopg.Connection, *names: str) -> UUID:
    """A worker, and rows of these keys, as the claims before have left them."""
    for name in names:
        limit, _, key = name.partition("=")
        sql.execute(
            "INSERT INTO corral.limit_keys (name, limit_name, key) VALUES (%s, %s, %s)", (name, limit, key)
        )
    return await subject.worker()


async def test_it_takes_the_oldest_of_each_group_and_notes_what_is_in_use(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 9})
    await subject.declare("customer", {"each": 4})
    worker = await known(subject, sql, "one", "customer=acme")
    both = [await subject.submit(uses=BOTH) for _ in range(3)]
    ones = [await subject.submit(uses=ONE) for _ in range(3)]
    assert sorted(await _claim(store, worker, BOTH, ONE, take=2)) == sorted(both[:2] + ones[:2])
    assert (
        sql.execute(IN_USE).fetchall() == [("customer=acme", 2), ("one", 4)] == sql.execute(RUNS).fetchall()
    )
    await subject.finish(worker, both[0], 1, SUCCEEDED, limited=True)
    assert sql.execute(IN_USE).fetchall() == [("customer=acme", 1), ("one", 3)]


async def test_it_takes_nothing_where_something_of_it_has_no_room(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 3})
    await subject.declare("customer", {"each": 4})
    worker = await known(subject, sql, "one", "customer=acme")
    for _ in range(4):
        await subject.submit(uses=BOTH)
        await subject.submit(uses=ACME)
    assert await _claim(store, worker, BOTH, take=4) == []
    assert await _claim(store, worker, ACME, BOTH, take=3) == [], "six of four, together"
    assert sql.execute(IN_USE).fetchall() == []
    assert len(await _claim(store, worker, BOTH, take=3)) == 3


@pytest.mark.parametrize(
    "declared",
    [
        {"kind": "rate", "rate": 100, "per": 60},
        {"total": 1, "hold": "life"},
        {"total": 100, "per_worker": 50},
        {"total": 100, "unit": "batch"},
    ],
)
async def test_it_leaves_limits_that_are_more_than_a_bound_to_the_claim_that_decides(
    subject: Subject, store: Store, sql: psycopg.Connection, declared: Mapping[str, object]
) -> None:
    await subject.declare("one", declared)
    worker = await known(subject, sql, "one")
    await subject.submit(uses=ONE)
    assert await _claim(store, worker, ONE) == []
    assert len(await subject.claim_groups(worker, ONE)) == 1


@pytest.mark.parametrize(
    "set_", ["parked_until = now()", "probe = uuidv7()", "holder = uuidv7()", "after_end = 1"]
)
async def test_it_leaves_keys_in_another_state_to_the_claim_that_decides(
    subject: Subject, store: Store, sql: psycopg.Connection, set_: str
) -> None:
    await subject.declare("one", {"total": 10})
    worker = await known(subject, sql, "one")
    await subject.submit(uses=ONE)
    sql.execute(f"UPDATE corral.limit_keys SET {set_}")
    assert await _claim(store, worker, ONE) == []


@pytest.mark.parametrize("key", ["", "acme"])
async def test_it_takes_nothing_of_what_is_paused(
    subject: Subject, store: Store, sql: psycopg.Connection, key: str
) -> None:
    await subject.declare("customer", {"each": 10})
    worker = await known(subject, sql, "customer=acme", "customer=other")
    await subject.submit(uses=ACME)
    await subject.submit(uses=OTHER)
    await store.limits.change("customer", key, LimitChange("pause"), "ada", None)
    assert await _claim(store, worker, ACME) == []
    assert len(await _claim(store, worker, OTHER)) == (1 if key else 0)


@pytest.mark.parametrize("key", ["", "acme"])
@pytest.mark.parametrize("each", [2, 5])
async def test_it_keeps_what_operators_set_for_all_or_for_one_key(
    subject: Subject, store: Store, sql: psycopg.Connection, key: str, each: int
) -> None:
    await subject.declare("customer", {"each": 3})
    worker = await known(subject, sql, "customer=acme", "customer=other")
    for _ in range(6):
        await subject.submit(uses=ACME)
        await subject.submit(uses=OTHER)
    if key:
        await store.limits.change("customer", "", LimitChange("patch", {"each": 1}), "ada", None)
    await store.limits.change("customer", key, LimitChange("patch", {"each": each}), "ada", None)
    assert await _claim(store, worker, ACME, take=each + 1) == []
    assert len(await _claim(store, worker, ACME, take=each)) == each
    others = 1 if key else each
    assert await _claim(store, worker, OTHER, take=others + 1) == []
    assert len(await _claim(store, worker, OTHER, take=others)) == others


async def test_it_keeps_a_total_that_an_operator_set(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 1})
    worker = await known(subject, sql, "one")
    for _ in range(5):
        await subject.submit(uses=ONE)
    await store.limits.change("one", "", LimitChange("patch", {"total": 4}), "ada", None)
    assert await _claim(store, worker, ONE, take=5) == []
    assert len(await _claim(store, worker, ONE, take=4)) == 4
    await store.limits.change("one", "", LimitChange("reset"), "ada", None)
    assert await _claim(store, worker, ONE, take=1) == []


async def test_it_leaves_a_share_of_each_worker_that_an_operator_set_to_the_claim_that_decides(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 10})
    worker = await known(subject, sql, "one")
    await subject.submit(uses=ONE)
    await store.limits.change("one", "", LimitChange("patch", {"per_worker": 5}), "ada", None)
    assert await _claim(store, worker, ONE, take=1) == []


async def test_it_looks_at_nothing_that_waited_before(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 10})
    worker = await known(subject, sql, "one")
    first, second = await subject.submit(uses=ONE), await subject.submit(uses=ONE)
    sql.execute("UPDATE corral.jobs SET queued_at = now() - interval '1 hour' WHERE id = %s", (first,))
    since = sql.execute(
        "SELECT date_part('epoch', queued_at) FROM corral.jobs WHERE id = %s", (second,)
    ).fetchone()
    assert since is not None
    assert await _claim(store, worker, ONE, since=since[0]) == [second]
    assert await subject.claim_groups(worker, ONE) == [first], "a whole claim finds it"


async def test_a_worker_that_may_not_claim_and_jobs_nobody_evaluated_are_left_alone(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 10})
    worker = await known(subject, sql, "one")
    job = await subject.submit(uses=ONE)
    sql.execute("UPDATE corral.workers SET state = 'draining'")
    assert await _claim(store, worker, ONE) == []
    sql.execute("UPDATE corral.workers SET state = 'active'")
    sql.execute("UPDATE corral.jobs SET limits = '{}', costs = '{}'")
    assert await _claim(store, worker, ONE) == []
    sql.execute("UPDATE corral.jobs SET limits = '{one}', costs = '{1}'")
    assert await _claim(store, worker, ONE) == [job]


async def two_at_once(
    subject: Subject, sql: psycopg.Connection, url: str, statement: str, *, total: int = 1, **more: object
) -> int:
    """One claims all the room; before that is committed another one claims. How many jobs run then."""
    await subject.declare("one", {"total": total})
    worker = await known(subject, sql, "one")
    for _ in range(2):
        await subject.submit(uses=ONE)

    def asked() -> dict[str, object]:
        return {
            "worker": worker,
            "claim": new_id(),
            "types": texts([TYPE]),
            "groups": array([group(*ONE)]),
            "takes": array([1]),
            "since": numbers([0.0]),
            **more,
        }

    async with (
        await psycopg.AsyncConnection.connect(url) as first,
        await psycopg.AsyncConnection.connect(url) as second,
    ):
        assert len(await (await first.execute(statement, asked())).fetchall()) == 1
        task = asyncio.create_task(second.execute(statement, asked()))
        await eventually_async(lambda: sql.execute(WAITING).fetchone() != (0,))
        await first.commit()
        await task
        await second.commit()
    running = sql.execute("SELECT count(*) FROM corral.jobs WHERE state = 'running'").fetchone()
    assert running is not None
    return int(running[0])


async def test_the_second_of_two_at_once_sees_what_the_first_one_took(
    subject: Subject, sql: psycopg.Connection, database_url: str
) -> None:
    assert await two_at_once(subject, sql, database_url, CLAIM_OPEN) == 1


async def test_without_the_lock_of_the_key_a_limit_is_exceeded(
    subject: Subject, sql: psycopg.Connection, database_url: str
) -> None:
    assert LOCKS in CLAIM_OPEN
    unlocked = CLAIM_OPEN.replace(LOCKS, "WHERE k.name = n.name OFFSET 0")
    assert await two_at_once(subject, sql, database_url, unlocked) == 2


async def test_many_workers_with_both_claims_exceed_no_limit_and_lose_no_slot(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    await subject.declare("one", {"total": 5})
    await subject.declare("customer", {"each": 3})
    kinds = [BOTH, (*ONE, *OTHER), ONE]
    for uses in kinds:
        for _ in range(40):
            await subject.submit(uses=uses)
    done, by_one = 0, 0

    async def work() -> None:
        nonlocal done, by_one
        worker = await subject.worker()
        while done < 120:
            claimed = await _claim(store, worker, *kinds, take=1)
            by_one += len(claimed)
            claimed = claimed or await subject.claim_groups(worker, *kinds, take=1)
            for id in claimed:
                await subject.finish(worker, id, 1, SUCCEEDED, limited=True)
            done += len(claimed)

    await asyncio.gather(*(work() for _ in range(6)))
    assert sql.execute(IN_USE).fetchall() == []
    most = sql.execute(MOST_AT_ONCE).fetchone()
    assert most is not None
    assert most[0] <= 5
    assert by_one > 0, "the statement was used"
