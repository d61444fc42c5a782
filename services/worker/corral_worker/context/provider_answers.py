"""What providers answer, as handlers get it: without secrets; and for how long a provider is left alone."""

import email.utils
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

BUSY: Final = frozenset({429, 503, 504})
"""Answers that say that the provider has too much to do."""
BUSY_SECONDS: Final = 10.0
"""For how long a provider is left alone that does not say for how long."""
MAX_BUSY_SECONDS: Final = 3_600.0
HIDDEN: Final = b"***"


def busy_seconds(header: str | None, now: datetime | None = None) -> float:
    """For how long to leave a provider alone that sent this Retry-After: seconds, or a date."""
    seconds: float | None = None
    if header is not None and header.isascii():
        text = header.strip()
        if text.isdigit():
            seconds = float(text[:9])
        else:
            try:
                until = email.utils.parsedate_to_datetime(text)
                seconds = (until.astimezone(UTC) - (now or datetime.now(UTC))).total_seconds()
            except (ValueError, TypeError, OverflowError):
                seconds = None
    return BUSY_SECONDS if seconds is None else min(max(seconds, 1.0), MAX_BUSY_SECONDS)


def hidden_in(body: bytes, secrets: Iterable[bytes]) -> bytes:
    """The body without the secrets: a provider may send back what it was sent."""
    for secret in secrets:
        body = body.replace(secret, HIDDEN)
    return body


def hidden_in_text(text: str, secrets: Iterable[bytes]) -> str:
    """The same for a text."""
    return hidden_in(text.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "surrogateescape")
