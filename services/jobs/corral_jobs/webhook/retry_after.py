"""How long a server asks to be left alone. Source: RFC 9110, section 10.2.3."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST = 36_000.0
"""Seconds; a server that asks for more gets as much."""


def retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """The seconds that the header `Retry-After` asks for, at most MOST; None where it says nothing that can be read."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MOST)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    seconds = (until - (now or datetime.now(UTC))).total_seconds()
    return min(max(0.0, seconds), MOST)
