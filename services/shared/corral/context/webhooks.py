"""What the handlers that send to webhooks ask of the worker."""

from typing import Protocol
from uuid import UUID

from corral.webhook.delivery import DeliveryAttempt, DeliveryToSend, WebhookTarget


class WebhookRecords(Protocol):
    """Webhooks with their secrets, and deliveries as stored."""

    async def target(self, name: str, /) -> WebhookTarget | None:
        """Where the webhook of that name is, with its secrets."""

    async def delivery(self, delivery: UUID, /) -> DeliveryToSend | None:
        """A delivery with all that a request needs."""

    async def attempted(self, delivery: DeliveryToSend, attempt: DeliveryAttempt, /) -> str | None:
        """Store what came of a request; the reason for which its webhook was disabled by it, None where it was not."""

    async def skipped(self, delivery: UUID, reason: str, /) -> None:
        """Store that it was not sent, and why."""
