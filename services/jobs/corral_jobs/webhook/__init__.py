"""`webhook.deliver`: sends what a webhook is told of a job. Corral submits it, nobody else has to.

Importing this package needs no HTTP client: `handlers` sends, in workers.
"""

from corral_jobs.webhook.declaration import DeliveryRequest, DeliveryResult, deliver

__all__ = ["DeliveryRequest", "DeliveryResult", "deliver"]
