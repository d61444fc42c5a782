"""One look tells all duties whether there is something to do; none does a round for nothing, and none is late for that."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from tests.fixtures.clock import Clock
from tests.fixtures.waiting import eventually_async
from tests.integration.maintenance.conftest import Rename, Shop

from corral.errors import CorralError
from corral.ids import new_id
from corral.maintenance.due_work import DueWorkDuty
from corral.maintenance.duty import Duty, DutyReport, perform
from corral.maintenance.leadership import Reign
from corral.store import Store
from corral.store.leader.due_work import LOOKED_FOR

PERIOD = 0.3
HOWEVER_LONG = 3600.0
"""Seconds that a look may take where it is not tested that one which takes long is left out."""


class Counting(Duty):
    """A duty that says when its rounds begin."""

    period = PERIOD

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]
        self.began: list[float] = []

    async def round(self, reign: Reign) -> int:  # noqa: ARG002
        self.began.append(time.monotonic())
        return 1


@asynccontextmanager
async def performed(duties: Sequence[Duty], reign: Reign) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(perform(duty, reign, DutyReport(duty.period))) for duty in duties]
    try:
        yield
    finally:
        reign.over.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


# What makes each duty have something to do, as SQL. A database that somebody uses has rows of all of them.
WORK = {
    "webhooks": """
        INSERT INTO corral.webhook_deliveries (id, webhook, event, data) VALUES (%(id)s, 'w', 'webhook.test', '{}')""",
    "unique-keys": """
        INSERT INTO corral.unique_keys (key, holder, newest, waiting) VALUES ('k', %(id)s, %(id)s, %(id)s)""",
    "limits": """
        INSERT INTO corral.limit_leases (id, names, program, expires_at)
        VALUES (%(id)s, '{api}', 'p', now() - interval '1 second')""",
    "limit-evaluation": """
        INSERT INTO corral.limits (name, declared, version, stale, declared_at)
        VALUES ('api', '{}', '1', true, now() - interval '1 minute')""",
}


async def look(store: Store) -> frozenset[str]:
    return await store.due_work.found()


async def test_an_idle_installation_has_nothing_to_do(store: Store):
    assert await look(store) == frozenset()


@pytest.mark.parametrize("duty", WORK)
async def test_what_a_duty_would_do_is_found_for_it_alone(store: Store, duty: str):
    await store.database.run(WORK[duty], {"id": new_id()})
    assert await look(store) == {duty}


@pytest.mark.parametrize(
    ("duty", "statement"),
    [
        (
            "limits",
            "INSERT INTO corral.limit_keys (name, limit_name, key, holder) VALUES ('a', 'a', '', %(id)s)",
        ),
        (
            "unique-keys",
            """INSERT INTO corral.keyed_follow_ups (id, job, attempt, follows_on, submission)
               VALUES (%(id)s, %(id)s, 1, 'end', '{}')""",
        ),
        (
            "feeds",
            """INSERT INTO corral.feed_sources (id, url, state, next_fetch_at, interval_seconds)
               VALUES (%(id)s, 'https://a', 'active', now(), 60)""",
        ),
    ],
)
async def test_further_work_is_found_too(store: Store, duty: str, statement: str):
    await store.database.run(statement, {"id": new_id()})
    assert await look(store) == {duty}


async def test_a_tick_is_found_before_it_comes(store: Store):
    ahead = """
        INSERT INTO corral.schedules (name, source, declared, created_by, due_at)
        VALUES (%(name)s, 'api', '{}', 'ann', now() + %(seconds)s * interval '1 second')"""
    await store.database.run(ahead, {"name": "later", "seconds": 3600})
    assert await look(store) == frozenset()
    await store.database.run(ahead, {"name": "soon", "seconds": 2})
    assert await look(store) == {"schedules"}


async def test_expired_jobs_are_found_for_their_duty(store: Store, shop: Shop):
    await shop.submit(expires_in=0.01)

    async def found() -> bool:
        return await look(store) == {"expire"}

    assert await eventually_async(found)


async def test_workers_that_a_pool_drains_are_found_for_their_duty(store: Store, shop: Shop, reign: Reign):
    await shop.worker("w")
    await store.workers.drain_for(["w"], "person pool:x", reign.term)
    assert await look(store) == frozenset()
    await store.workers.undrain(["w"], "person pool:x", reign.term)
    await store.workers.drain_for(["w"], "pool:x", reign.term)
    assert await look(store) == {"pools"}


async def test_a_duty_with_nothing_to_do_does_no_rounds_and_one_that_has_begins_at_once(
    store: Store, reign: Reign
):
    webhooks, feeds = Counting("webhooks"), Counting("feeds")
    looking = DueWorkDuty(store, [webhooks, feeds], free=HOWEVER_LONG)
    looking.period = 0.05
    async with performed([looking, webhooks, feeds], reign):
        await eventually_async(lambda: attended(webhooks, feeds))
        before = len(webhooks.began), len(feeds.began)
        began = time.monotonic()
        await store.database.run(WORK["webhooks"], {"id": new_id()})
        await eventually_async(lambda: done(webhooks, before[0] + 4))
        assert len(feeds.began) <= before[1] + 1, "the round that was under way, and no other"
    first, *_ = (at for at in webhooks.began if at > began)
    assert first - began < 10
    times = webhooks.began[before[0] :]
    assert min(later - earlier for earlier, later in pairwise(times)) >= PERIOD / 2, (
        "not at that of the looks"
    )


async def test_while_the_look_fails_each_duty_looks_for_itself(store: Store, reign: Reign, rename: Rename):
    webhooks = Counting("webhooks")
    looking = DueWorkDuty(store, [webhooks], free=HOWEVER_LONG)
    looking.period = 0.05
    async with performed([looking, webhooks], reign):
        await eventually_async(lambda: attended(webhooks))
        before = len(webhooks.began)
        await rename("feed_sources", "elsewhere")
        await eventually_async(lambda: done(webhooks, before + 3))
    with pytest.raises(CorralError):
        await look(store)


async def test_a_look_that_takes_long_is_left_out_and_each_duty_looks_for_itself(
    store: Store, reign: Reign, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    found, webhooks = store.due_work.found, Counting("webhooks")
    looks = 0

    async def slow() -> frozenset[str]:
        nonlocal looks
        looks += 1
        clock.pass_by(1.0)
        return await found()

    monkeypatch.setattr(store.due_work, "found", slow)
    looking = DueWorkDuty(store, [webhooks], clock=clock)
    await looking.round(reign)
    assert not webhooks.anything_found()
    await looking.round(reign)
    assert webhooks.anything_found()
    assert looks == 1
    clock.pass_by(20.0)
    await looking.round(reign)
    assert looks == 2
    assert not webhooks.anything_found()


def test_nobody_is_asked_to_look_for_duties_that_do_not_exist():
    assert set(WORK) <= LOOKED_FOR


async def attended(*duties: Counting) -> bool:
    return all(duty.began and not duty.anything_found() for duty in duties)


async def done(duty: Counting, rounds: int) -> bool:
    return len(duty.began) >= rounds
