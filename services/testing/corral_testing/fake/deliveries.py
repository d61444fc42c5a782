"""What webhooks are told of the end of a job, as the statements of the store make it."""

from datetime import UTC, datetime
from typing import Any

from corral.job.job import NewJob
from corral.store.webhooks.events import MAX_MESSAGE
from corral.webhook.event import DELIVERY_TYPE
from corral.webhook.webhook import Webhook

TOLD = (
    "id",
    "type",
    "queue",
    "priority",
    "state",
    "attempt",
    "tags",
    "created_at",
    "started_at",
    "finished_at",
    "created_by",
    "error",
)
"""What is told of a job; neither its payload nor its result."""


def chosen(webhook: Webhook, new: NewJob, event: str) -> bool:
    """Whether a webhook is told of this end of a job."""
    fields = webhook.fields
    return (
        webhook.enabled
        and new.type != DELIVERY_TYPE
        and event in fields.events
        and (fields.types is None or new.type in fields.types)
        and (fields.queues is None or new.queue in fields.queues)
    )


def told_of(shown: dict[str, Any], number: int) -> dict[str, Any]:
    """The data of a delivery about a job that is shown so."""
    error = shown["error"]
    return {
        **{name: shown[name] for name in ("type", "queue", "attempt", "tags", "created_by")},
        "id": str(shown["id"]),
        "priority": str(shown["priority"]),
        "state": str(shown["state"]),
        "number": number,
        **{name: _utc(shown[name]) for name in ("created_at", "started_at", "finished_at")},
        "error": error
        and {
            "kind": error.get("kind"),
            "type": error.get("type"),
            "message": (error.get("message") or "")[:MAX_MESSAGE],
        },
    }


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
