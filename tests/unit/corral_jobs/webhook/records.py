"""Webhooks and deliveries in memory, as a handler sees them, and a client for a server of the test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.integration.outgoing.server import Server, listening

from corral.ids import new_id
from corral.outgoing.client import OutgoingClient
from corral.outgoing.policy import AddressPolicy
from corral.webhook.delivery import DeliveryAttempt, DeliveryStatus, DeliveryToSend, WebhookTarget
from corral.webhook.signature import new_secret
from corral.webhook.webhook import WebhookFormat

HOST = "127.0.0.5"
DATA: dict[str, Any] = {
    "id": "0190",
    "type": "acme.ask",
    "state": "failed",
    "error": {"kind": "exception", "type": "ValueError", "message": "<it> broke & so on"},
}


@dataclass(slots=True)
class Records:
    """See corral.context.webhooks."""

    deliveries: dict[UUID, DeliveryToSend] = field(default_factory=dict)
    targets: dict[str, WebhookTarget] = field(default_factory=dict)
    attempts: list[DeliveryAttempt] = field(default_factory=list)
    skips: list[str] = field(default_factory=list)

    def add(self, url: str, **fields: Any) -> DeliveryToSend:
        made = DeliveryToSend(
            **{
                "id": new_id(),
                "webhook": "billing",
                "url": url,
                "format": WebhookFormat.STANDARD,
                "secrets": (new_secret(),),
                "enabled": True,
                "disabled_reason": None,
                "event": "job.failed",
                "job": new_id(),
                "data": DATA,
                "created_at": datetime(2026, 6, 1, 10, tzinfo=UTC),
                "status": DeliveryStatus.PENDING,
                **fields,
            }
        )
        self.deliveries[made.id] = made
        return made

    async def target(self, name: str, /) -> WebhookTarget | None:
        return self.targets.get(name)

    async def delivery(self, delivery: UUID, /) -> DeliveryToSend | None:
        return self.deliveries.get(delivery)

    async def attempted(self, delivery: DeliveryToSend, attempt: DeliveryAttempt, /) -> str | None:
        self.attempts.append(attempt)
        self.deliveries[delivery.id] = replace(delivery, status=attempt.status)
        return "gone" if attempt.gone else None

    async def skipped(self, delivery: UUID, reason: str, /) -> None:  # noqa: ARG002  there is one
        self.skips.append(reason)


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[Server, OutgoingClient]]:
    """A server that listens, and a client that may reach it."""
    async with listening(HOST) as server, OutgoingClient(AddressPolicy([f"{HOST}/32"])) as client:
        yield server, client
