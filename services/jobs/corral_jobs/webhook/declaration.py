"""The declaration of `webhook.deliver`."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from corral.catalog.declaration import JobType, job_type
from corral.catalog.limits.limit import Limit
from corral.job.backoff import Exact
from corral.job.options import Retention
from corral.webhook.delivery import WAITS
from corral.webhook.event import DELIVERY_TYPE, PER_ENDPOINT, QUEUE

AT_ONCE = 5
"""Requests that one endpoint gets at the same time."""
endpoint_limit = Limit(PER_ENDPOINT, each=AT_ONCE, by="webhook")


class DeliveryRequest(BaseModel):
    """Which delivery to send. What is sent, where, and what signs it are in the database, not here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: Annotated[str, Field(max_length=100, description="The name of the webhook")]
    delivery: UUID = Field(description="The id of the delivery, which is its `webhook-id`")


class DeliveryResult(BaseModel):
    """What came of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcome: Literal["delivered", "skipped"]
    status: int | None = Field(default=None, description="The HTTP status")
    reason: str | None = Field(default=None, description="Why it was skipped")


deliver: JobType[DeliveryRequest, DeliveryResult] = job_type(
    DELIVERY_TYPE,
    payload=DeliveryRequest,
    result=DeliveryResult,
    queue=QUEUE,
    retries=len(WAITS),
    backoff=Exact(WAITS),
    timeout=60,
    limits=[endpoint_limit],
    keep_finished=Retention(seconds=86_400),
    search=["webhook", "delivery"],
    description="Tells a webhook how a job ended. Corral submits it; see `corral webhooks`.",
)
