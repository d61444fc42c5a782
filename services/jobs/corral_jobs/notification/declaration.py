"""The declarations of `notification.send` and `notification.digest`."""

from corral.catalog.declaration import JobType, job_type
from corral.job.batch import Batch
from corral.webhook.event import QUEUE
from corral_jobs.notification.digest import DigestedNotification, DigestSent
from corral_jobs.notification.notification import (
    MAX_TARGETS,
    MAX_TRIES,
    Notification,
    NotificationSent,
)

NOTIFICATION = "notification.send"
DIGEST = "notification.digest"
"""The names of the job types."""
WINDOW = 60.0
"""Seconds in which notifications to one recipient are gathered, unless an operator sets another `batch.wait`."""

notify: JobType[Notification, NotificationSent] = job_type(
    NOTIFICATION,
    payload=Notification,
    result=NotificationSent,
    queue=QUEUE,
    retries=MAX_TARGETS * MAX_TRIES,
    timeout=180,
    description="Tells somebody something: by webhook, Slack, Teams or mail, and by the next where one fails.",
)

digest: JobType[DigestedNotification, DigestSent] = job_type(
    DIGEST,
    payload=DigestedNotification,
    result=DigestSent,
    queue=QUEUE,
    batch=Batch(size=100, wait=WINDOW, max_bytes=256 * 1024, by="to"),
    retries=MAX_TARGETS * MAX_TRIES,
    timeout=180,
    description="As notification.send, but all that one recipient is to be told within a minute is one message.",
)
