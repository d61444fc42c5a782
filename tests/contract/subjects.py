"""The two stores that the suite is run on, each empty."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

from corral.job.state import State
from corral.store import Heartbeat, Store
from corral_testing.fake import FakeStore
from corral_testing.subject import Subject

PASS_TIME = """
UPDATE corral.jobs SET
    created_at = created_at - %(time)s, updated_at = updated_at - %(time)s, run_at = run_at - %(time)s,
    queued_at = queued_at - %(time)s, started_at = started_at - %(time)s, finished_at = finished_at - %(time)s,
    expires_at = expires_at - %(time)s, cancel_requested_at = cancel_requested_at - %(time)s
"""
PASS_KEYS_TIME = """
UPDATE corral.idempotency_keys SET created_at = created_at - %(time)s, expires_at = expires_at - %(time)s
"""
BLOCK = "UPDATE corral.jobs SET state = 'blocked', queued_at = NULL WHERE id = %(id)s"


def of_fake() -> Subject:
    store = FakeStore()

    async def advance(seconds: float) -> None:
        store.clock.advance(seconds)

    async def block(id: UUID) -> None:
        store.memory.jobs[id].state = State.BLOCKED
        store.memory.jobs[id].queued_at = None

    return Subject(store, store.heartbeat, advance, block)


@asynccontextmanager
async def of_store(url: str, pooler: str | None = None) -> AsyncIterator[Subject]:
    """`pooler`: the address that leads to the same database through a pooler of connections."""
    store = Store.open(pooler or url, pool_size=2, application_name="contract", pooled=pooler is not None)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)

        hearts: dict[UUID, Heartbeat] = {}

        def heartbeat(worker: UUID) -> Heartbeat:
            if worker not in hearts:
                hearts[worker] = stack.enter_context(Heartbeat(url, "corral", worker))
            return hearts[worker]

        async def advance(seconds: float) -> None:
            for statement in (PASS_TIME, PASS_KEYS_TIME):
                passing = statement.replace("%(time)s", "%(seconds)s * interval '1 second'")
                await store.database.run(passing, {"seconds": seconds})

        async def block(id: UUID) -> None:
            await store.database.run(BLOCK, {"id": id})

        yield Subject(store, heartbeat, advance, block)
