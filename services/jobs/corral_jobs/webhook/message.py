"""The request to a webhook: its body in the format that the other system reads, and its headers."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from corral.webhook.delivery import DeliveryToSend
from corral.webhook.event import WebhookEvent
from corral.webhook.signature import signatures
from corral.webhook.webhook import WebhookFormat

MAX_TEXT = 3_000
"""Characters of a text for Slack or Teams; both cut longer ones."""


def content_of(delivery: DeliveryToSend) -> bytes:
    """The body; the same for every request of a delivery."""
    match delivery.format:
        case WebhookFormat.STANDARD:
            return written(
                {
                    "type": delivery.event,
                    "timestamp": delivery.created_at.isoformat(),
                    "data": dict(delivery.data),
                }
            )
        case WebhookFormat.SLACK:
            return written(slack(text_of(delivery)))
        case WebhookFormat.TEAMS:
            return written(teams(text_of(delivery)))


def headers_of(
    keys: Sequence[str], message_id: str, content: bytes, timestamp: int | None = None
) -> dict[str, str]:
    """The headers of a signed request. The timestamp is the request's own: receivers refuse old ones."""
    timestamp = int(time.time()) if timestamp is None else timestamp
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(keys, message_id, timestamp, content),
    }


def plain_headers(message_id: str) -> dict[str, str]:
    """The headers of a request to what knows no signatures."""
    return {"Content-Type": "application/json", "webhook-id": message_id}


def written(message: Mapping[str, Any]) -> bytes:
    """A message as JSON."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def text_of(delivery: DeliveryToSend) -> str:
    """An event in words, for people in a chat."""
    if delivery.event == WebhookEvent.TEST:
        return f"This is a test of the webhook {delivery.webhook}."
    data = delivery.data
    error = data.get("error")
    why = f": {error.get('type')}: {error.get('message')}" if error else ""
    return f"{data['type']} {data['state']} (job {data['id']}){why}"


def slack(text: str) -> dict[str, Any]:
    """A message of Slack; its three special characters are escaped. Source: Slack, Formatting text for app surfaces."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": _cut(escaped)}


def teams(text: str, title: str = "") -> dict[str, Any]:
    """A message of Teams with an Adaptive Card. Source: Microsoft, Create incoming webhooks with Workflows."""
    blocks = [{"type": "TextBlock", "text": _cut(text), "wrap": True}]
    if title:
        blocks.insert(
            0, {"type": "TextBlock", "text": _cut(title), "wrap": True, "weight": "Bolder", "size": "Medium"}
        )
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
