"""A job of a limited type of which nobody evaluated what it takes is not claimed: the leader evaluates it."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel
from tests.integration.maintenance.conftest import EMAIL, TYPE, Shop

from corral.catalog.declaration import job_type
from corral.catalog.limits.limit import Limit, Rate
from corral.catalog.record import Declaration, record_of
from corral.dispatch import Dispatch
from corral.ids import new_id
from corral.job.limit_use import group_of
from corral.job.priority import Priority
from corral.maintenance.duties.limit_evaluation import EvaluateLimits
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.store.attempts.claims import Refusal

STORED = "SELECT state, limits, costs FROM corral.jobs WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id"
PAYLOAD = "UPDATE corral.jobs SET payload = %(payload)s::json WHERE id = ANY(%(ids)s::uuid[])"
SETTLED = "UPDATE corral.limits SET declared_at = declared_at - interval '1 minute'"


class Ask(BaseModel):
    customer: str = ""
    tenant: str = ""
    tokens: float = 1


class Desk:
    """A shop whose only type takes of limits."""

    def __init__(self, shop: Shop, reign: Reign) -> None:
        self.shop, self.store, self.reign = shop, shop.store, reign
        self.duty = EvaluateLimits(shop.store, shop.dispatch)

    async def declare(self, *limits: Limit | Rate, version: str = "1") -> None:
        declared = [Declaration(one.name, one.values, version) for one in limits]
        kind = job_type(TYPE, payload=Ask, queue="email", limits=list(limits))
        await self.store.registration.register([record_of(kind)], limits=declared)
        await self.store.database.run(SETTLED)

    async def inserted(
        self, count: int = 1, payload: str = '{"customer": "acme", "tenant": "t"}'
    ) -> list[UUID]:
        """Jobs that a program inserted which knows of no limits."""
        ids = await self.shop.submit(count, enqueue=True)
        await self.store.database.run(PAYLOAD, {"ids": ids, "payload": payload})
        return ids

    async def claim(self, ids: list[UUID]) -> dict[UUID, Refusal]:
        worker = await self.shop.worker()
        answer = await self.store.claims.claim(worker, new_id(), ids, [TYPE], alone=False, limited=[TYPE])
        assert not answer.claimed
        return answer.refused

    async def stored(self, ids: list[UUID]) -> list[tuple[Any, ...]]:
        return await self.store.database.run(STORED, {"ids": ids})

    async def claimed(self, *names: str, take: int = 10) -> int:
        """How many are claimed of the group that takes of these names."""
        group = group_of("email", Priority.NORMAL, names)
        answer = await self.store.limit_claims.claim(
            await self.shop.worker(), new_id(), {group: take}, [TYPE], alone=False
        )
        return len(answer.claimed)


@pytest.fixture
def desk(shop: Shop, reign: Reign) -> Desk:
    return Desk(shop, reign)


async def test_a_job_without_evaluated_keys_is_not_claimed_and_the_leader_evaluates_it(
    desk: Desk, dispatch: Dispatch
):
    await desk.declare(Limit("customer", each=2, by="customer"))
    jobs = await desk.inserted(5)
    assert set((await desk.claim(jobs)).values()) == {Refusal.LIMITED}
    assert await desk.claimed("customer=acme") == 0, "nobody knows yet what it takes"
    assert await desk.duty.round(desk.reign) == 5
    assert await desk.stored(jobs) == [("blocked", ["customer=acme"], [1.0])] * 5
    assert not await dispatch.rings.unknown([(EMAIL, group_of("email", Priority.NORMAL, ["customer=acme"]))])
    assert await desk.claimed("customer=acme") == 2
    assert await desk.duty.round(desk.reign) == 0


async def test_a_job_that_takes_nothing_is_queued_and_evaluated_once(desk: Desk, shop: Shop):
    await desk.declare(Rate("tokens", 100, per=60, cost="tokens"))
    jobs = await desk.inserted(1, '{"tokens": 0}')
    await shop.pop()
    await desk.claim(jobs)
    await desk.duty.round(desk.reign)
    assert await desk.stored(jobs) == [("queued", [], [])]
    assert await shop.pop() == jobs
    worker = await shop.worker()
    answer = await desk.store.claims.claim(worker, new_id(), jobs, [TYPE], alone=False, limited=[TYPE])
    assert [one.id for one in answer.claimed] == jobs


async def test_what_can_not_be_evaluated_runs_beside_what_has_no_key(desk: Desk):
    await desk.declare(Limit("customer", each=2, by="customer"))
    jobs = await desk.inserted(1, '{"customer": ["a", "list"]}')
    await desk.claim(jobs)
    await desk.duty.round(desk.reign)
    assert await desk.stored(jobs) == [("blocked", ["customer=*"], [1.0])]


async def test_another_field_for_the_key_evaluates_again_what_waits(desk: Desk, store: Store):
    await desk.declare(Limit("customer", each=2, by="customer"))
    jobs = await desk.inserted(3)
    await desk.claim(jobs)
    await desk.duty.round(desk.reign)
    await desk.declare(Limit("customer", each=3, by="customer"), version="2")
    await desk.duty.round(desk.reign)
    assert await desk.stored(jobs) == [("blocked", ["customer=acme"], [1.0])] * 3
    await desk.declare(Limit("customer", each=3, by="tenant"), version="3")
    assert await store.limit_evaluations.stale() == {"customer": "3"}
    desk.duty = EvaluateLimits(store, desk.shop.dispatch)
    await desk.duty.round(desk.reign)
    assert await desk.stored(jobs) == [("blocked", ["customer=t"], [1.0])] * 3
    assert await store.limit_evaluations.stale() == {}


async def test_what_is_not_due_yet_is_evaluated_when_it_is_ready(desk: Desk, shop: Shop, store: Store):
    await desk.declare(Limit("customer", each=2, by="customer"))
    jobs = await desk.inserted(1)
    await desk.claim(jobs)
    await desk.duty.round(desk.reign)
    later = "UPDATE corral.jobs SET state = 'scheduled', queued_at = NULL, run_at = now() + interval '1 hour'"
    await store.database.run(later)
    await desk.declare(Limit("customer", each=2, by="tenant"), version="2")
    await desk.duty.round(desk.reign)
    assert await desk.stored(jobs) == [("scheduled", None, None)]
