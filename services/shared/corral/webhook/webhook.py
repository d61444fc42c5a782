"""A webhook: an endpoint of another system, and which events it is told of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from corral.errors import FieldError, InvalidInput
from corral.job.limits import MAX_NAME, NAME_PATTERN
from corral.webhook.event import JOB_EVENTS

MAX_URL = 2_000
"""Characters of an address."""
MAX_CHOSEN = 100
"""Job types, or queues, that one webhook may choose."""
MAX_DESCRIPTION = 500


class WebhookFormat(StrEnum):
    """What the other system reads."""

    STANDARD = "standard"
    """Standard Webhooks: the event as JSON, signed."""
    SLACK = "slack"
    """An incoming webhook of Slack, or of what takes the same: `{"text": …}`."""
    TEAMS = "teams"
    """An incoming webhook of Microsoft Teams: a message with an Adaptive Card."""

    @property
    def signed(self) -> bool:
        """Whether requests are signed. The others know their sender by the address alone, which is a secret."""
        return self is WebhookFormat.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFields:
    """What a person chooses of a webhook."""

    url: str
    format: WebhookFormat = WebhookFormat.STANDARD
    events: tuple[str, ...] = tuple(map(str, JOB_EVENTS))
    """None of them: it is used by `notification.send` alone."""
    types: tuple[str, ...] | None = None
    """Only of jobs of these types; None: of all."""
    queues: tuple[str, ...] | None = None
    """Only of jobs of these queues; None: of all."""
    description: str = ""

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> "WebhookFields":
        """The fields, checked; those that are left out have their defaults.

        Raises:
            InvalidInput: names every field that is wrong.
        """
        wrong = [*_url_problems(fields.get("url")), *_event_problems(fields.get("events"))]
        for name in ("types", "queues"):
            wrong += _chosen_problems(name, fields.get(name))
        description = fields.get("description") or ""
        if len(description) > MAX_DESCRIPTION or not description.isprintable():
            wrong.append(
                FieldError("/description", f"is not up to {MAX_DESCRIPTION} printable characters on one line")
            )
        if wrong:
            raise InvalidInput(*wrong)
        events = fields.get("events")
        return cls(
            url=fields["url"],
            format=WebhookFormat(fields.get("format") or WebhookFormat.STANDARD),
            events=tuple(map(str, JOB_EVENTS)) if events is None else tuple(dict.fromkeys(events)),
            types=_chosen(fields.get("types")),
            queues=_chosen(fields.get("queues")),
            description=description,
        )

    @property
    def shown_url(self) -> str:
        """The address as lists and logs show it: of one that is a secret, the host alone."""
        if self.format.signed:
            parts = urlsplit(self.url)
            return parts._replace(query="…" if parts.query else "").geturl()
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook as stored, without its secrets."""

    name: str
    fields: WebhookFields
    enabled: bool
    disabled_at: datetime | None
    disabled_by: str | None
    """Who disabled it; `corral` where its endpoint failed for too long, or is gone."""
    disabled_reason: str | None
    failing_since: datetime | None
    """Since when no delivery has arrived; None: the last one did."""
    failures: int
    """Requests that failed since then."""
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None
    secrets: int
    """How many secrets sign now: two during a rotation."""
    rotation_ends_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime


def check_name(name: str) -> None:
    """Refuse what can't be a webhook's name.

    Raises:
        InvalidInput: names the rule.
    """
    if len(name) > MAX_NAME or not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInput(
            FieldError("/name", f"{name[:100]!r} is no name: up to {MAX_NAME} letters, digits, dots, - and _")
        )


def _url_problems(url: object) -> list[FieldError]:
    from corral.errors import OutgoingRefused  # noqa: PLC0415
    from corral.outgoing.url import parse  # noqa: PLC0415  its HTTP library is loaded where somebody needs it

    if not isinstance(url, str) or not url:
        return [FieldError("/url", "is missing")]
    try:
        whole = parse(url).url
    except OutgoingRefused as error:
        return [FieldError("/url", error.why)]  # without the address, which may be a secret
    return [FieldError("/url", f"has more than {MAX_URL:,} characters")] if len(whole) > MAX_URL else []


def _event_problems(events: Sequence[str] | None) -> list[FieldError]:
    known = ", ".join(JOB_EVENTS)
    return [
        FieldError(f"/events/{at}", f"{event[:100]!r} is no event; known: {known}")
        for at, event in enumerate(events or ())
        if event not in tuple(JOB_EVENTS)
    ]


def _chosen_problems(name: str, chosen: Sequence[str] | None) -> list[FieldError]:
    if chosen is None:
        return []
    if not 1 <= len(chosen) <= MAX_CHOSEN:
        return [
            FieldError(
                f"/{name}", f"has {len(chosen)} names; it must have 1 to {MAX_CHOSEN}, or be null for all"
            )
        ]
    return [
        FieldError(f"/{name}/{at}", f"{one[:100]!r} is no name")
        for at, one in enumerate(chosen)
        if len(one) > MAX_NAME or not re.fullmatch(NAME_PATTERN, one)
    ]


def _chosen(given: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(dict.fromkeys(given))
