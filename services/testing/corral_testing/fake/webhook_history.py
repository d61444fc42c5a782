"""The fake's `webhook_history`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from corral.errors import Conflict, NotFound
from corral.job.state import State
from corral.webhook.delivery import DeliveryStatus, StoredDelivery
from corral.webhook.event import WebhookEvent
from corral_testing.fake.memory import Memory
from corral_testing.fake.webhooks import known


class FakeWebhookHistory:
    """See corral.store.webhooks.history; what people do is not audited."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def get(self, webhook: str, id: UUID) -> StoredDelivery:
        """One delivery of a webhook."""
        one = self._memory.deliveries.get(id)
        if one is None or one.webhook != webhook:
            raise NotFound("delivery", id)
        return self._shown(one)

    async def page(
        self,
        webhook: str,
        *,
        status: DeliveryStatus | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> list[StoredDelivery]:
        """Deliveries of a webhook, newest first."""
        found = [self._shown(one) for one in self._newest() if one.webhook == webhook]
        wanted = [
            one for one in found if status in (None, one.status) and (before is None or one.id < before)
        ]
        return wanted[:limit]

    async def of_job(self, job: UUID, limit: int = 200) -> list[StoredDelivery]:
        """Deliveries about a job, newest first."""
        return [self._shown(one) for one in self._newest() if one.job == job][:limit]

    async def add_test(self, webhook: str, data: Mapping[str, Any], actor: str) -> UUID:  # noqa: ARG002
        """Store a test delivery; its id."""
        known(self._memory, webhook)
        return self._memory.deliver(webhook, WebhookEvent.TEST.value, data).id

    async def replay(self, webhook: str, id: UUID, actor: str) -> None:  # noqa: ARG002
        """Have one delivery sent again, under the same id."""
        if (await self.get(webhook, id)).status is DeliveryStatus.PENDING:
            raise Conflict(f"delivery {id} is being sent already")
        self._again(id)

    async def replay_since(
        self,
        webhook: str,
        since: datetime,
        actor: str,  # noqa: ARG002
        *,
        delivered: bool,
    ) -> int:
        """Have all that was not delivered since then sent again, and with `delivered` what was; how many."""
        wanted = {DeliveryStatus.FAILED, DeliveryStatus.SKIPPED}
        found = [one for one in self._newest() if one.webhook == webhook and one.created_at >= since]
        chosen = [
            one.id
            for one in found
            if self._shown(one).status in wanted or (delivered and one.status is DeliveryStatus.DELIVERED)
        ]
        for id in chosen:
            self._again(id)
        return len(chosen)

    def _again(self, id: UUID) -> None:
        one = self._memory.deliveries[id]
        self._memory.deliveries[id] = replace(one, status=DeliveryStatus.PENDING, sent_by=None)

    def _newest(self) -> list[StoredDelivery]:
        return sorted(self._memory.deliveries.values(), key=lambda one: one.id, reverse=True)

    def _shown(self, one: StoredDelivery) -> StoredDelivery:
        """What it is: the job that sends it may have ended without a word, or may be scheduled."""
        if one.status is not DeliveryStatus.PENDING or one.sent_by is None:
            return one
        row = self._memory.jobs.get(one.sent_by)
        if row is None or row.state.terminal:
            return replace(one, status=DeliveryStatus.FAILED)
        return replace(one, next_attempt_at=row.run_at if row.state is State.SCHEDULED else None)
