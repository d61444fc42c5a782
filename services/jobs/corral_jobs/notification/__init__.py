"""`notification.send` tells one person or room something; `notification.digest` gathers what one is to be told.

from corral_jobs.notification import Notification, notify

Both go by webhook, Slack, Teams or mail, and by the next where one fails. Importing this package needs no HTTP client:
`handlers` sends, in workers.
"""

from corral_jobs.notification.declaration import digest, notify
from corral_jobs.notification.digest import DigestedNotification, DigestSent, DigestTemplates
from corral_jobs.notification.notification import GaveUp, Notification, NotificationSent

__all__ = [
    "DigestSent",
    "DigestTemplates",
    "DigestedNotification",
    "GaveUp",
    "Notification",
    "NotificationSent",
    "digest",
    "notify",
]
