"""The two stores that the suite is run on, each empty."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from corral.job.state import State
from corral.store import Heartbeat, Store
from corral.store.postgres.json_text import encode
from corral.store.registry.queues import BETWEEN_CLAIMS
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
PASS_UNIQUE_TIME = """
UPDATE corral.unique_keys SET taken_at = taken_at - %(time)s, until = until - %(time)s
"""
PASS_SLOTS_TIME = """
UPDATE corral.limit_leases SET taken_at = taken_at - %(time)s, expires_at = expires_at - %(time)s
"""
PASS_KEPT_TIME = """
UPDATE corral.limit_keys SET parked_until = parked_until - %(time)s, refilled_at = refilled_at - %(time)s,
    taken_at = CASE WHEN taken_at IS NOT NULL THEN ARRAY(SELECT t - %(time)s FROM unnest(taken_at) t) END
"""
PASS_WEBHOOKS_TIME = """
UPDATE corral.webhooks SET failing_since = failing_since - %(time)s, last_success_at = last_success_at - %(time)s
"""
PASS_SECRETS_TIME = "UPDATE corral.webhook_secrets SET expires_at = expires_at - %(time)s"
PASS_DELIVERIES_TIME = "UPDATE corral.webhook_deliveries SET created_at = created_at - %(time)s"
PASSING = (
    PASS_TIME,
    PASS_KEYS_TIME,
    PASS_UNIQUE_TIME,
    PASS_KEPT_TIME,
    PASS_SLOTS_TIME,
    PASS_WEBHOOKS_TIME,
    PASS_SECRETS_TIME,
    PASS_DELIVERIES_TIME,
)
DECLARE = """
INSERT INTO corral.limits (name, declared, version) VALUES (%(name)s, %(values)s::jsonb, '1')
ON CONFLICT (name) DO UPDATE SET declared = excluded.declared
"""
OVERRIDE = """
INSERT INTO corral.limit_overrides (limit_name, key, overrides, paused_at, set_by)
VALUES (%(name)s, %(key)s, %(values)s::jsonb, CASE WHEN %(paused)s::bool THEN now() END, 'ann')
ON CONFLICT (limit_name, key) DO UPDATE SET overrides = excluded.overrides, paused_at = excluded.paused_at
"""
BLOCK = "UPDATE corral.jobs SET state = 'blocked', queued_at = NULL WHERE id = %(id)s"


def of_fake() -> Subject:
    store = FakeStore()

    async def advance(seconds: float) -> None:
        store.clock.advance(seconds)

    async def block(id: UUID) -> None:
        store.memory.jobs[id].state = State.BLOCKED
        store.memory.jobs[id].queued_at = None

    async def declare(name: str, values: dict[str, Any]) -> None:
        store.memory.limits[name] = values

    async def override(name: str, key: str, values: dict[str, Any], paused: bool) -> None:
        store.memory.overrides[name, key] = values | {"paused": paused}

    return Subject(store, store.heartbeat, advance, block, declare, override)


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
            for statement in PASSING:
                passing = statement.replace("%(time)s", "%(seconds)s * interval '1 second'")
                await store.database.run(passing, {"seconds": seconds})

        async def block(id: UUID) -> None:
            await store.database.run(BLOCK, {"id": id})

        async def declare(name: str, values: dict[str, Any]) -> None:
            await store.database.run(DECLARE, {"name": name, "values": encode(values)})

        async def override(name: str, key: str, values: dict[str, Any], paused: bool) -> None:
            params = {"name": name, "key": key, "values": encode(values), "paused": paused}
            async with store.database.transaction() as transaction:
                await transaction.rows(BETWEEN_CLAIMS)
                await transaction.rows(OVERRIDE, params)

        yield Subject(store, heartbeat, advance, block, declare, override)
