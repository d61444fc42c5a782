"""`notification.send`: tells one person or room something, by webhook, Slack, Teams or mail, and by the next where one fails.

from corral_jobs.notification import Notification, notify

Importing this package needs no HTTP client: `handlers` sends, in workers.
"""

from corral_jobs.notification.declaration import notify
from corral_jobs.notification.notification import GaveUp, Notification, NotificationSent

__all__ = ["GaveUp", "Notification", "NotificationSent", "notify"]
