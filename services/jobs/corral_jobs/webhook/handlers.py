"""The handler of `webhook.deliver`."""

from corral import metrics
from corral.context import Context
from corral.errors import Discard, Retry
from corral.webhook.delivery import WAITS, DeliveryAttempt, DeliveryStatus, DeliveryToSend
from corral.webhook.event import WebhookEvent
from corral_jobs.webhook.declaration import DeliveryRequest, DeliveryResult, deliver
from corral_jobs.webhook.message import content_of, headers_of, plain_headers
from corral_jobs.webhook.request import EndpointAnswer, post

GONE = 410


@deliver.handler
async def do_deliver(request: DeliveryRequest, ctx: Context) -> DeliveryResult:
    """Send a delivery once; what comes of it is stored before the job ends.

    A worker that dies in between sends it again, under the same `webhook-id`, by which a receiver knows it.
    """
    delivery = await ctx.webhooks.delivery(request.delivery)
    if delivery is None:
        raise Discard(f"there is no delivery {request.delivery} any more")
    if (
        delivery.status is DeliveryStatus.DELIVERED
    ):  # an earlier attempt, whose worker was lost, had stored it
        return DeliveryResult(outcome="delivered")
    if not delivery.enabled and delivery.event != WebhookEvent.TEST:
        reason = f"the webhook is disabled: {delivery.disabled_reason or 'no reason was given'}"
        await ctx.webhooks.skipped(delivery.id, reason)
        metrics.WEBHOOK_REQUESTS.labels("skipped").inc()
        return DeliveryResult(outcome="skipped", reason=reason)
    content = content_of(delivery)
    signed = delivery.format.signed
    message_id = str(delivery.id)
    headers = headers_of(delivery.secrets, message_id, content) if signed else plain_headers(message_id)
    answer = await post(ctx.outgoing, delivery.url, content, headers)
    return await _concluded(delivery, answer, ctx)


async def _concluded(delivery: DeliveryToSend, answer: EndpointAnswer, ctx: Context) -> DeliveryResult:
    """Store what came of the request, and end the attempt with it.

    Raises:
        Retry: it is sent again later.
        Discard: it is given up.
    """
    test, gone = delivery.event == WebhookEvent.TEST, answer.status == GONE
    delivered = answer.error is None
    over = delivered or test or gone or answer.refused or ctx.retries_left == 0
    status = DeliveryStatus.PENDING
    if over:
        status = DeliveryStatus.DELIVERED if delivered else DeliveryStatus.FAILED
    attempt = DeliveryAttempt(
        status=status, http_status=answer.status, error=answer.error, gone=gone, test=test
    )
    disabled = await ctx.webhooks.attempted(delivery, attempt)
    if disabled is not None:
        ctx.log(f"the webhook {delivery.webhook} is disabled: {disabled}")
    metrics.WEBHOOK_REQUESTS.labels("retried" if status is DeliveryStatus.PENDING else status.value).inc()
    if delivered:
        return DeliveryResult(outcome="delivered", status=answer.status)
    words = f"the webhook {delivery.webhook} was not told: {answer.error}"
    if over:
        raise Discard(words)
    raise Retry(words, after=_wait(answer, ctx))


def _wait(answer: EndpointAnswer, ctx: Context) -> float:
    """Seconds until the next request: those of the schedule, or as many more as the endpoint asks for."""
    planned = WAITS[min(ctx.errors, len(WAITS) - 1)]
    return max(planned, answer.retry_after or 0.0)
