"""What is sent to a webhook about one end of a job, as stored, and what came of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from corral.webhook.webhook import WebhookFormat

WAITS = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds between the requests for one delivery: after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h.

Source: Standard Webhooks, the schedule that it recommends."""
FAILING_FOR = timedelta(days=5)
"""A webhook whose endpoint has taken nothing for so long is disabled."""


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    """It is still to be sent, or to be sent again."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up."""
    SKIPPED = "skipped"
    """Not sent: the webhook was disabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryToSend:
    """A delivery with all that a request needs."""

    id: UUID
    webhook: str
    url: str
    format: WebhookFormat
    secrets: tuple[str, ...]
    """Newest first."""
    enabled: bool
    disabled_reason: str | None
    event: str
    job: UUID | None
    data: Mapping[str, Any]
    created_at: datetime
    status: DeliveryStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTarget:
    """Where a webhook's requests go, and what signs them."""

    name: str
    url: str
    format: WebhookFormat
    secrets: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """What came of one request."""

    status: DeliveryStatus
    """Of the delivery from now on."""
    http_status: int | None = None
    error: str | None = None
    gone: bool = False
    """Whether the endpoint says that it is no more: the webhook is disabled at once."""
    test: bool = False
    """Whether it was a test: what comes of it says nothing of the webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as it is shown."""

    id: UUID
    webhook: str
    event: str
    job: UUID | None
    number: int | None
    data: Mapping[str, Any]
    status: DeliveryStatus
    sent_by: UUID | None
    attempts: int
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime
