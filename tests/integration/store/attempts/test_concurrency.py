"""Everything at once: no deadlock, nothing ended twice, nothing lost."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from tests.fixtures.waiting import eventually_async

from corral.errors import CorralError, Unavailable
from corral.ids import new_id
from corral.job.outcome import Finished
from corral.job.state import State
from corral.store import NewLogLine, Progress, Store, Term, Verdict
from corral_testing.subject import CANCELLED, ERRED, EXHAUSTED, RELEASED, SUCCEEDED, Subject
from corral_testing.values import TYPE

JOBS, ROUNDS = 120, 60
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
TWICE = """
SELECT job, life FROM corral.attempts WHERE outcome IN ('completed', 'failed', 'cancelled')
GROUP BY job, life HAVING count(*) > 1
"""


class Crowd:
    """Workers, people, a leader and heartbeats that all want the same jobs."""

    def __init__(self, subject: Subject, store: Store, ids: list[UUID], term: Term) -> None:
        self.subject, self.store, self.ids, self.term = subject, store, ids, term
        self.chance = random.Random(4711)
        self.workers: list[UUID] = []
        self.ends: Counter[tuple[UUID, int]] = Counter()

    def some(self, number: int) -> list[UUID]:
        return self.chance.sample(self.ids, number)

    async def work(self, index: int) -> None:
        store, chance = self.store, self.chance
        for _ in range(ROUNDS):
            worker = self.workers[index]
            answer = await store.claims.claim(
                worker, new_id(), self.some(30), [TYPE], alone=chance.random() < 0.5
            )
            held = [(job.id, job.attempt) for job in answer.claimed]
            notes = [Progress(id, attempt, 50, "half") for id, attempt in held]
            lines = [NewLogLine(id, attempt, datetime.now(UTC), "a line") for id, attempt in held]
            await asyncio.gather(store.attempts.progress(notes), store.attempts.append_logs(lines))
            outcomes = chance.choices([SUCCEEDED, ERRED, EXHAUSTED, RELEASED, CANCELLED], k=len(held))
            items = [Finished(*pair, outcome) for pair, outcome in zip(held, outcomes, strict=True)]
            for recorded in await store.attempts.finish(worker, items):
                if recorded.verdict is Verdict.RECORDED and recorded.state and recorded.state.terminal:
                    self.ends[recorded.id, recorded.attempt] += 1

    async def people(self) -> None:
        for _ in range(ROUNDS):
            await self.store.jobs.cancel(self.some(20), "ann")
            await self.store.jobs.retry(self.some(20), "ann")
            await self.store.jobs.run_now(self.some(20), "ann")

    async def leader(self) -> None:
        for _ in range(ROUNDS):
            await self.store.duties.promote(self.term)
            await self.store.duties.fold_stats(self.term)
            index = self.chance.randrange(len(self.workers))
            lost = self.workers[index]
            counter = dict(await self.store.workers.observations()).get(lost, 0)
            await self.store.workers.reclaim(lost, counter, self.term)
            self.workers[index] = await self.subject.worker()

    async def hearts(self) -> None:
        for _ in range(ROUNDS):
            held = [(id, 1) for id in self.some(20)]
            heart = self.subject.heartbeat(self.chance.choice(self.workers))
            await asyncio.to_thread(heart.beat, held, {})

    async def pauses(self) -> None:
        for _ in range(ROUNDS // 4):
            await self.store.queues.pause("contract", "ann")
            await self.store.queues.resume("contract", "ann")


@pytest.mark.timeout(180)
async def test_no_order_of_deeds_deadlocks_or_ends_a_life_twice(
    subject: Subject, store: Store, sql: psycopg.Connection
) -> None:
    ids = [await subject.submit(max_stalls=100) for _ in range(JOBS)]
    crowd = Crowd(subject, store, ids, await subject.lead())
    crowd.workers = [await subject.worker() for _ in range(4)]
    work = [crowd.work(index) for index in range(len(crowd.workers))]
    await asyncio.gather(*work, crowd.people(), crowd.leader(), crowd.hearts(), crowd.pauses())
    assert sql.execute(DEADLOCKS).fetchone() == (0,)
    assert sql.execute(TWICE).fetchall() == []
    assert set(crowd.ends.values()) <= {1}
    assert sum(crowd.ends.values()) > JOBS
    assert len(await subject.store.jobs.many(ids)) == JOBS


async def test_of_two_that_claim_the_same_jobs_each_job_has_one(subject: Subject, store: Store) -> None:
    ids = [await subject.submit() for _ in range(200)]
    workers = [await subject.worker() for _ in range(4)]

    async def claim(worker: UUID) -> list[UUID]:
        mine: list[UUID] = []
        for start in range(0, len(ids), 20):
            answer = await store.claims.claim(worker, new_id(), ids[start : start + 20], [TYPE], alone=False)
            mine += [job.id for job in answer.claimed]
        return mine

    claimed = [id for mine in await asyncio.gather(*map(claim, workers)) for id in mine]
    assert sorted(claimed) == sorted(ids)


async def test_a_job_of_another_transaction_is_locked_not_waited_for(
    subject: Subject, sql: psycopg.Connection
) -> None:
    worker, id, free = await subject.worker(), await subject.submit(), await subject.submit()
    with sql.transaction():
        sql.execute("SELECT FROM corral.jobs WHERE id = %s FOR UPDATE", (id,))
        answer = await subject.claim(worker, id, free)
    assert [job.id for job in answer.claimed] == [free]
    assert {key: str(value) for key, value in answer.refused.items()} == {id: "locked"}


def _deed(
    what: str, subject: Subject, worker: UUID, ids: list[UUID], term: Term
) -> Coroutine[Any, Any, object]:
    store, now = subject.store, datetime.now(UTC)
    assert isinstance(store, Store)
    both = [Finished(*pair) for pair in zip(ids, (1, 1), (SUCCEEDED, ERRED), strict=True)]
    deeds: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "succeed": lambda: store.attempts.finish(worker, [Finished(id, 1, SUCCEEDED) for id in ids]),
        "err": lambda: store.attempts.finish(worker, [Finished(id, 1, ERRED) for id in ids]),
        "both": lambda: store.attempts.finish(worker, both),
        "progress": lambda: store.attempts.progress([Progress(id, 1, 50) for id in ids]),
        "log": lambda: store.attempts.append_logs([NewLogLine(id, 1, now, "a line") for id in ids]),
        "cancel": lambda: store.jobs.cancel(ids, "ann"),
        "lose": lambda: subject.lose(worker, term),
    }
    return deeds[what]()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("what", ["succeed", "err", "both", "progress", "log", "cancel", "lose"])
async def test_jobs_are_locked_in_the_order_of_their_ids(
    subject: Subject, sql: psycopg.Connection, what: str
) -> None:
    """Whoever waits for the lower id does not hold the higher one: so nobody waits in a circle."""
    worker, term = await subject.worker(), await subject.lead()
    low, high = await subject.submit(), await subject.submit()
    await subject.running(worker, low, high)
    with sql.transaction():
        sql.execute("SELECT FROM corral.jobs WHERE id = %s FOR UPDATE", (low,))
        task = asyncio.create_task(_deed(what, subject, worker, [high, low], term))
        await eventually_async(lambda: sql.execute(WAITING).fetchone() != (0,))
        sql.execute("SELECT FROM corral.jobs WHERE id = %s FOR UPDATE NOWAIT", (high,))
    await task


async def test_a_lock_that_is_not_given_is_said_in_time(subject: Subject, sql: psycopg.Connection) -> None:
    worker, id = await subject.worker(), await subject.submit()
    await subject.running(worker, id)
    with sql.transaction():
        sql.execute("SELECT FROM corral.jobs WHERE id = %s FOR UPDATE", (id,))
        with pytest.raises(Unavailable, match="lock timeout"):
            await subject.finish(worker, id, 1, SUCCEEDED)
    assert (await subject.finish(worker, id, 1, SUCCEEDED)).state is State.COMPLETED


async def test_a_statement_that_fails_leaves_its_connection_usable(subject: Subject) -> None:
    store = subject.store
    assert isinstance(store, Store)
    for _ in range(5):
        with pytest.raises(CorralError):
            await store.database.run("SELECT * FROM corral.nothing_of_that_name")
        assert await store.jobs.page() is not None
