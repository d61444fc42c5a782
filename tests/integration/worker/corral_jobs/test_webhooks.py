"""From the end of a job to the endpoint of another system: a worker of its own, the leader's duty, a real server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook
from tests.fixtures.waiting import eventually_async
from tests.integration.outgoing.server import Server, answer, listening
from tests.integration.worker.system import System, running_system

from corral.actions.jobs import JobActions
from corral.actions.webhooks import WebhookActions
from corral.job.state import State
from corral.maintenance.duties.webhooks import WebhookDuty
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.settings import Settings
from corral.webhook.delivery import DeliveryStatus, StoredDelivery

HOST = "127.0.0.6"


class Told:
    """One system, one webhook, and a duty that does its rounds when the test says so."""

    def __init__(self, system: System, server: Server, duty: WebhookDuty, reign: Reign) -> None:
        self.system, self.store, self.server = system, system.store, server
        self.actions = WebhookActions(system.store)
        self._duty, self._reign = duty, reign
        self.secret = ""

    async def create(self, **fields: Any) -> None:
        url = f"http://{HOST}:{self.server.port}/hook"
        made = await self.actions.create("billing", {"url": url} | fields, "ann")
        self.secret = made.secret or ""
        for _ in range(2):  # once a worker beats again, it has heard what the beat before was answered
            await self._beat()

    async def _beat(self) -> None:
        """Wait for a heartbeat from now on: by its answer workers learn that there are webhooks."""
        [(now,)] = await self.store.database.run("SELECT clock_timestamp()")
        since = "SELECT FROM corral.workers WHERE seen_at > %(now)s"
        await eventually_async(lambda: self.store.database.run(since, {"now": now}))

    async def job(self, type: str = "demo.echo") -> None:
        """Run a job to its end."""
        ended = await self.system.result(type, {"message": "x"} if type == "demo.fail" else None)
        assert ended.state in (State.COMPLETED, State.FAILED)

    async def deliveries(self) -> list[StoredDelivery]:
        await self._duty.round(self._reign)
        return await self.store.webhook_history.page("billing")

    async def attempted(self, attempts: int) -> StoredDelivery:
        """The newest delivery, once so many requests were sent for it."""

        async def there() -> StoredDelivery:
            told = await self.deliveries()
            assert told, "nothing yet"
            newest = told[0]
            assert newest.attempts >= attempts, newest
            return newest

        return await eventually_async(there, timeout=60)

    async def now(self, delivery: StoredDelivery) -> None:
        """Send it again now instead of at its time."""
        assert delivery.sent_by is not None
        await self.system.state(delivery.sent_by, State.SCHEDULED)
        await JobActions(self.store, self.system.dispatch).run_now([delivery.sent_by], "ann")


@pytest.fixture
async def told(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Told]:
    settings = Settings(database_url=database_url, redis_url=redis_url)
    async with (
        listening(HOST) as server,
        running_system(database_url, redis_url, tmp_path) as system,
    ):
        await system.register_types()
        await system.ready(handlers="", outgoing_allow=f"{HOST}/32", heartbeat=0.2, lease=5)
        reign = await LeaderCandidate(system.store.leases, "leader").look()
        assert reign is not None
        async with WebhookDuty(system.store, system.dispatch, settings) as duty:
            yield Told(system, server, duty, reign)


async def test_another_system_is_told_until_it_takes_it_and_then_never_again(told: Told):
    await told.create()
    told.server.answers["/hook"] = answer(status="500 No")
    await told.job()
    first = await told.attempted(1)
    assert (first.event, first.number, first.status) == ("job.completed", 1, DeliveryStatus.PENDING)
    assert (first.last_status, first.last_error) == (500, "it answered 500")

    told.server.answers["/hook"] = answer()
    await told.now(first)
    second = await told.attempted(2)
    assert (second.id, second.status) == (first.id, DeliveryStatus.DELIVERED)
    refused, taken = told.server.heard
    assert refused.headers["webhook-id"] == taken.headers["webhook-id"] == str(first.id)
    message = Webhook(told.secret).verify(taken.body, taken.headers)
    assert message["data"]["id"] == str(first.job)
    assert message["data"]["state"] == "completed"
    webhook = await told.store.webhooks.get("billing")
    assert (webhook.failing_since, webhook.failures) == (None, 0)

    # What sends is told of to nobody, and what was delivered is sent again only when somebody asks for it.
    assert len(await told.deliveries()) == 1
    await told.actions.replay("billing", first.id, "ann")
    third = await told.attempted(3)
    assert third.status is DeliveryStatus.DELIVERED
    assert told.server.heard[-1].headers["webhook-id"] == str(first.id)

    # With a new secret, both sign for a while.
    old = told.secret
    rotated = await told.actions.rotate("billing", "ann")
    await told.actions.test("billing", "ann")
    await told.attempted(1)
    heard = told.server.heard[-1]
    for secret in (old, rotated.secret):
        assert Webhook(secret).verify(heard.body, heard.headers)["type"] == "webhook.test"
    assert not any(old in one.output or str(rotated.secret) in one.output for one in told.system.workers)


async def test_an_endpoint_that_is_gone_or_fails_for_days_is_told_nothing_more(told: Told):
    await told.create(events=["job.completed"])
    told.server.answers["/hook"] = answer(status="410 Gone")
    await told.job()
    first = await told.attempted(1)
    assert first.status is DeliveryStatus.FAILED
    webhook = await told.store.webhooks.get("billing")
    assert (webhook.enabled, webhook.disabled_by) == (False, "corral")
    assert webhook.disabled_reason == "its endpoint says that it is gone (410)"
    await told.job()
    assert len(await told.deliveries()) == 1

    await told.actions.enable("billing", "ann")
    told.server.answers["/hook"] = answer(status="500 No")
    again = await told.actions.replay_since(
        "billing", first.created_at - timedelta(seconds=1), "ann", delivered=False
    )
    assert again == 1
    assert (await told.attempted(2)).status is DeliveryStatus.PENDING
    assert (await told.store.webhooks.get("billing")).enabled
    await told.store.database.run(
        "UPDATE corral.webhooks SET failing_since = failing_since - interval '5 days'"
    )
    await told.now((await told.deliveries())[0])
    await told.attempted(3)
    webhook = await told.store.webhooks.get("billing")
    assert not webhook.enabled
    assert "has taken nothing since" in str(webhook.disabled_reason)
    kept = [(one.actor, one.action) for one in await told.store.audit.page(kind="webhook", subject="billing")]
    assert kept.count(("corral", "disable")) == 2

    # What is still to be sent is not, and stays to be sent again.
    await told.now((await told.deliveries())[0])

    async def skipped() -> bool:
        return (await told.deliveries())[0].status is DeliveryStatus.SKIPPED

    await eventually_async(skipped, timeout=60)
