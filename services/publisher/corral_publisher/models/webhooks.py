"""Models of webhooks and deliveries in the API: what is sent, and what is answered."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from corral.actions.webhooks import MAX_REASON, OVERLAP, USUAL_OVERLAP
from corral.bounded import Bounded
from corral.webhook.delivery import DeliveryStatus, StoredDelivery
from corral.webhook.event import JOB_EVENTS
from corral.webhook.webhook import Webhook, WebhookFormat
from corral_publisher.models.requests import moment_in

Since = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(moment_in)]
Secret = Annotated[
    str | None,
    Field(description="`whsec_` and a key of 24 to 64 bytes in base64; left out: a fresh one is made."),
]


class WebhookPatch(BaseModel):
    """What may be changed of a webhook; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: Annotated[str, Field(description="Where requests are sent.")] | None = None
    format: Annotated[
        WebhookFormat | None,
        Field(strict=False, description="standard (signed JSON), slack or teams; standard."),
    ] = None
    events: Annotated[
        list[str] | None,
        Field(description=f"Any of {', '.join(JOB_EVENTS)}; all of them. None: only notifications use it."),
    ] = None
    types: Annotated[list[str] | None, Field(description="Only of jobs of these types; null: of all.")] = None
    queues: Annotated[list[str] | None, Field(description="Only of jobs of these queues; null: of all.")] = (
        None
    )
    description: str | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {
            name: getattr(self, name) for name in WebhookPatch.model_fields if name in self.model_fields_set
        }


class NewWebhook(WebhookPatch):
    """A webhook to make."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"name": "billing", "url": "https://billing.example.com/hook", "events": ["job.failed"]}
            ]
        },
    )

    name: Annotated[str, Field(description="Its name: lower-case letters, digits, dots, - and _.")]
    secret: Secret = None


class WebhookReason(BaseModel):
    """Why a webhook is disabled."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str | None, Field(max_length=MAX_REASON)] = None


class WebhookRotation(BaseModel):
    """A new secret."""

    model_config = ConfigDict(extra="forbid", strict=True)

    secret: Secret = None
    overlap: Annotated[
        float,
        Bounded(OVERLAP),
        Field(description="Seconds for which the old secret signs, too; a day."),
    ] = USUAL_OVERLAP


class WebhookReplay(BaseModel):
    """Which deliveries to send again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    since: Annotated[Since, Field(description="All since this time (RFC 3339).")]
    delivered: Annotated[bool, Field(description="Also those that were delivered.")] = False


class WebhookReplayed(BaseModel):
    """How many deliveries are sent again."""

    deliveries: int


class WebhookView(BaseModel):
    """A webhook. Its secrets are never answered but once, when they are made."""

    name: str
    url: Annotated[str, Field(description="Without what may be a secret: of Slack and Teams the host alone.")]
    format: WebhookFormat
    events: list[str]
    types: list[str] | None
    queues: list[str] | None
    description: str
    enabled: bool
    disabled_at: datetime | None
    disabled_by: Annotated[
        str | None, Field(description="`corral`: its endpoint failed for days, or is gone.")
    ]
    disabled_reason: str | None
    failing_since: datetime | None
    failures: Annotated[int, Field(description="Requests that failed since then.")]
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None
    secrets: Annotated[int, Field(description="How many secrets sign now; two during a rotation.")]
    rotation_ends_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime


class WebhookMade(WebhookView):
    """A webhook with its new secret."""

    secret: Annotated[str | None, Field(description="Told this once; null where requests are not signed.")]


class WebhookPage(BaseModel):
    """Webhooks by name."""

    items: list[WebhookView]
    next: str | None


class WebhookDeliveryView(BaseModel):
    """What is sent to a webhook about one end of a job."""

    id: Annotated[UUID, Field(description="The `webhook-id` of every request for it.")]
    webhook: str
    event: str
    job: UUID | None
    number: Annotated[int | None, Field(description="Of the job's ends the first, the second …")]
    data: dict[str, Any]
    status: DeliveryStatus
    sent_by: Annotated[UUID | None, Field(description="The job that sends it.")]
    attempts: int
    last_attempt_at: datetime | None
    last_status: Annotated[int | None, Field(description="The HTTP status of the last answer.")]
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime


class WebhookDeliveryPage(BaseModel):
    """Deliveries, newest first."""

    items: list[WebhookDeliveryView]
    next: str | None


_OF_FIELDS = {"format", "events", "types", "queues", "description"}


def webhook_view(webhook: Webhook) -> dict[str, Any]:
    """A webhook as the API answers it."""
    return {
        name: webhook.fields.shown_url
        if name == "url"
        else getattr(webhook.fields if name in _OF_FIELDS else webhook, name)
        for name in WebhookView.model_fields
    }


def delivery_view(delivery: StoredDelivery) -> dict[str, Any]:
    """A delivery as the API answers it."""
    return {name: getattr(delivery, name) for name in WebhookDeliveryView.model_fields}
