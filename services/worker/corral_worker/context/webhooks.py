"""What the handlers that send to webhooks ask of the worker, answered by its store."""

from uuid import UUID

import structlog

from corral import metrics
from corral.store import Store
from corral.webhook.delivery import DeliveryAttempt, DeliveryToSend, WebhookTarget

log = structlog.get_logger(__name__)


class StoredWebhooks:
    """Webhooks and deliveries in Postgres. Every method raises Unavailable where it is away."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def target(self, name: str, /) -> WebhookTarget | None:
        """Where the webhook of that name is, with its secrets."""
        return await self._store.webhooks.target(name)

    async def delivery(self, delivery: UUID, /) -> DeliveryToSend | None:
        """A delivery with all that a request needs."""
        return await self._store.webhook_deliveries.to_send(delivery)

    async def attempted(self, delivery: DeliveryToSend, attempt: DeliveryAttempt, /) -> str | None:
        """Store what came of a request; the reason for which its webhook was disabled by it, None where it was not."""
        disabled = await self._store.webhook_deliveries.attempted(delivery.id, attempt)
        if disabled is not None:
            metrics.WEBHOOKS_DISABLED.inc()
            log.error("webhook.disabled", webhook=delivery.webhook, reason=disabled)
        return disabled

    async def skipped(self, delivery: UUID, reason: str, /) -> None:
        """Store that it was not sent, and why."""
        await self._store.webhook_deliveries.skipped(delivery, reason)
