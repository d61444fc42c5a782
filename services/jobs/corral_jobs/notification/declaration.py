"""The declaration of `notification.send`."""

from corral.catalog.declaration import JobType, job_type
from corral.webhook.event import QUEUE
from corral_jobs.notification.notification import (
    MAX_TARGETS,
    MAX_TRIES,
    Notification,
    NotificationSent,
)

NOTIFICATION = "notification.send"
"""The name of the job type."""

notify: JobType[Notification, NotificationSent] = job_type(
    NOTIFICATION,
    payload=Notification,
    result=NotificationSent,
    queue=QUEUE,
    retries=MAX_TARGETS * MAX_TRIES,
    timeout=180,
    description="Tells somebody something: by webhook, Slack, Teams or mail, and by the next where one fails.",
)
