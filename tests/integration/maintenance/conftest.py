"""Maintenance over a real Postgres and a real Valkey."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg
import pytest
from redis.asyncio import Redis
from tests.fixtures.clock import Clock
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.schedules.almanac import Almanac, night

from corral.actions.submissions.submit import Submitter
from corral.catalog.record import record_of
from corral.dispatch import Ack, Dispatch, Done, Entry
from corral.ids import new_id
from corral.job.job import Claimed
from corral.job.lane import Lane
from corral.job.limit_use import LimitUse, uses_of
from corral.job.priority import Priority
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.settings import Settings
from corral.store import Store
from corral_jobs import demo
from corral_testing.values import new_job, worker_record

TYPE = "demo.echo"
EMAIL = Lane("email", Priority.NORMAL)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    opened = Store.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client, to look at what stands in Redis."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def reign(store: Store) -> Reign:
    """This process leads."""
    elected = await LeaderCandidate(store.leases, "leader").look()
    assert elected is not None
    return elected


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Shop:
    """What publishers and workers do, in as few words as possible."""

    store: Store
    dispatch: Dispatch

    async def submit(
        self,
        count: int = 1,
        *,
        queue: str = "email",
        priority: Priority = Priority.NORMAL,
        delay: float = 0.0,
        age: float = 0.0,
        expires_in: float | None = None,
        max_stalls: int = 2,
        enqueue: bool = False,
        limits: Sequence[LimitUse] = (),
    ) -> list[UUID]:
        """Store jobs, `age` seconds ago; Redis hears of them only when `enqueue` is set."""
        jobs = [
            new_job(
                type=TYPE,
                queue=queue,
                priority=priority,
                delay=delay,
                expires_in=expires_in,
                retries=3,
                max_stalls=max_stalls,
                limits=uses_of(queue, priority, limits),
            )
            for _ in range(count)
        ]
        accepted = await self.store.jobs.insert(jobs)
        ids = [job.id for job in accepted]
        if age:
            await self.age(ids, age)
        if enqueue:
            await self.dispatch.lanes.enqueue([Entry(Lane(queue, priority), job) for job in ids])
        return ids

    async def age(self, ids: list[UUID], seconds: float) -> None:
        """Let jobs be queued that long."""
        await self.store.database.run(
            "UPDATE corral.jobs SET queued_at = queued_at - %(seconds)s * interval '1 second' WHERE id = ANY(%(ids)s)",
            {"seconds": seconds, "ids": ids},
        )

    async def until_due(self, ids: list[UUID]) -> None:
        """Wait until the time of all these jobs has come, by the database's clock."""
        early = "SELECT 1 FROM corral.jobs WHERE id = ANY(%(ids)s) AND run_at > clock_timestamp() LIMIT 1"

        async def none_is_early() -> bool:
            return not await self.store.database.run(early, {"ids": ids})

        await eventually_async(none_is_early)

    async def worker(self, name: str = "w") -> UUID:
        """Register a worker that handles everything."""
        worker = new_id()
        await self.store.workers.register(
            worker_record(
                id=worker, name=name, host="here", version="0", queues=("email",), types=(TYPE,), slots={}
            )
        )
        return worker

    async def claim(self, worker: UUID, ids: list[UUID], *, alone: bool = False) -> list[Claimed]:
        """Claim jobs as that worker."""
        answer = await self.store.claims.claim(worker, new_id(), ids, [TYPE], alone=alone)
        return answer.claimed

    async def pop(self, lane: Lane = EMAIL, room: int = 1000) -> list[UUID]:
        """What a worker would be given now; answered at once."""
        found = await self.dispatch.lanes.pop("w", [lane], room, wait=False, idle=True)
        await self.dispatch.lanes.ack([Ack(entry.lane, entry.id, Done()) for entry in found.popped])
        return [entry.id for entry in found.popped]


Rename = Callable[[str, str], Awaitable[None]]


@pytest.fixture
def rename(database_url: str) -> Rename:
    """Make statements on a table fail, or succeed again, from a connection of its own."""

    async def renamed(table: str, to: str) -> None:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(f"ALTER TABLE corral.{table} RENAME TO {to}")

    return renamed


@pytest.fixture
def shop(store: Store, dispatch: Dispatch) -> Shop:
    return Shop(store, dispatch)


@pytest.fixture
async def almanac(
    store: Store, dispatch: Dispatch, database_url: str, redis_url: str, reign: Reign
) -> AsyncIterator[Almanac]:
    await store.types.register([record_of(one) for one in (demo.echo, night)])
    submitter = Submitter(store, dispatch)
    settings = Settings(database_url=database_url, redis_url=redis_url)
    yield Almanac(store, dispatch, settings, submitter, reign)
    await submitter.close()
