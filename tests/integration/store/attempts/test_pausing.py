"""Rule 10: after a pause or a drain is answered, nothing is claimed."""

import asyncio

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async

from corral.ids import new_id
from corral.store import Refusal, Store
from corral.store.attempts.claims import CLAIM
from corral.store.postgres.sql_params import array, texts
from corral_testing.subject import Subject
from corral_testing.values import QUEUE, TYPE

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


async def _someone_waits(sql: psycopg.Connection) -> None:
    await eventually_async(lambda: sql.execute(WAITING).fetchone() != (0,))


def _claim(worker, *ids) -> tuple[str, dict]:
    return CLAIM, {
        "worker": worker,
        "claim": new_id(),
        "ids": array(ids),
        "types": texts([TYPE]),
        "limited": texts([]),
        "alone": False,
    }


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("what", ["pause", "drain"])
async def test_it_waits_for_the_claim_that_is_under_way(
    subject: Subject, store: Store, sql: psycopg.Connection, database_url: str, what: str
) -> None:
    worker, id = await subject.worker(), await subject.submit()
    async with await psycopg.AsyncConnection.connect(database_url) as claiming:
        cursor = await claiming.execute(*_claim(worker, id))
        assert len(await cursor.fetchall()) == 1  # claimed, and not yet committed
        change = store.queues.pause(QUEUE, "ann") if what == "pause" else store.workers.drain(worker, "ann")
        task = asyncio.create_task(change)
        await _someone_waits(sql)
        assert not task.done()
        await claiming.commit()
        await task


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("what", ["pause", "drain"])
async def test_a_claim_that_began_meanwhile_sees_it(
    subject: Subject, sql: psycopg.Connection, database_url: str, what: str
) -> None:
    """The claim's statement is sent before the pause commits, and must not act on what was before."""
    worker, id, other = await subject.worker(), await subject.submit(), await subject.submit()
    for _ in range(7):  # prepared and planned, as in a worker that has claimed before
        await subject.claim(worker, new_id())
    with psycopg.connect(database_url) as pausing:
        if what == "pause":
            pausing.execute("LOCK TABLE corral.workers IN EXCLUSIVE MODE")
            pausing.execute("UPDATE corral.queues SET paused_at = now() WHERE name = %s", (QUEUE,))
        else:
            pausing.execute("UPDATE corral.workers SET state = 'draining' WHERE id = %s", (worker,))
        task = asyncio.create_task(subject.claim(worker, id, other))
        await _someone_waits(sql)
        pausing.commit()
    answer = await task
    reason = Refusal.PAUSED if what == "pause" else Refusal.WORKER
    assert (answer.claimed, set(answer.refused.values())) == ([], {reason})


async def test_nothing_of_a_queue_is_claimed_after_its_pause_is_answered(
    subject: Subject, store: Store
) -> None:
    worker = await subject.worker()
    ids = [await subject.submit() for _ in range(400)]
    paused = asyncio.Event()
    late = 0

    async def claimer(mine: list) -> None:
        nonlocal late
        for id in mine:
            began_after = paused.is_set()
            answer = await store.claims.claim(worker, new_id(), [id], [TYPE], alone=False)
            late += began_after and len(answer.claimed)

    async def pauser() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        for _ in range(5):
            await store.queues.pause(QUEUE, "ann")
            paused.set()
            before = (await subject.store.jobs.page(None, limit=500)).items
            for _ in range(10):
                await asyncio.sleep(0)
            after = (await subject.store.jobs.page(None, limit=500)).items
            assert [job.attempt for job in before] == [job.attempt for job in after]
            paused.clear()
            await store.queues.resume(QUEUE, "ann")

    await asyncio.gather(*(claimer(ids[n::3]) for n in range(3)), pauser())
    assert late == 0


async def test_a_backup_does_not_keep_anyone_from_pausing(subject: Subject, database_url: str) -> None:
    await subject.submit()
    with psycopg.connect(database_url) as backup:
        backup.execute(
            "LOCK TABLE corral.workers, corral.queues, corral.jobs IN ACCESS SHARE MODE"
        )  # as pg_dump
        assert (await subject.store.queues.pause(QUEUE, "ann")).paused
