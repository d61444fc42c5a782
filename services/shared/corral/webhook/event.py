"""What happens to jobs that other systems are told of."""

from enum import StrEnum

DELIVERY_TYPE = "webhook.deliver"
"""The job type that sends: its own jobs are told to nobody."""
QUEUE = "notifications"
"""The queue of its jobs."""
PER_ENDPOINT = "webhook-endpoint"
"""The limit of requests that one endpoint gets at once; its key is the webhook's name."""


class WebhookEvent(StrEnum):
    """An end of a job, or a test."""

    COMPLETED = "job.completed"
    FAILED = "job.failed"
    """It has failed for good; a failed attempt that is tried again is no event."""
    CANCELLED = "job.cancelled"
    """Cancelled, or expired before it was claimed."""
    TEST = "webhook.test"
    """Somebody asked for a test; every webhook gets it."""


JOB_EVENTS = (WebhookEvent.COMPLETED, WebhookEvent.FAILED, WebhookEvent.CANCELLED)
"""The events that a webhook may choose among."""
