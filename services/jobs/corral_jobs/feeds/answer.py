"""What a server answered, as a value: what is decided from it needs no connection."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property

from corral_jobs.feeds.digest import document_digest


@dataclass(frozen=True, kw_only=True)
class FetchAnswer:
    """The answer to one request, redirects followed. `error` says why there is none, or no whole one."""

    status: int | None = None
    address: str = ""
    """The address that answered: what is relative in the document belongs to it."""
    permanent_url: str | None = None
    """Where the feed is from now on, as permanent redirects said."""
    etag: str | None = None
    last_modified: str | None = None
    content_type: str = ""
    cache_control: str = ""
    retry_after: str = ""
    body: bytes = b""
    error: str | None = None
    refused: bool = False
    """Whether nothing was sent, because the address may not be reached."""

    @cached_property
    def digest(self) -> str:
        """What tells whether the document is the same as before. Takes a millisecond for each MiB."""
        return document_digest(self.body, self.content_type)


_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[,\s])no-(?:cache|store)(?:$|[,\s=])", re.IGNORECASE)


def max_age(cache_control: str) -> float | None:
    """Seconds for which the answer holds, as Cache-Control says; None where it does not, or forbids to keep it."""
    found = _MAX_AGE.search(cache_control)
    return None if found is None or _UNCACHED.search(cache_control) else float(found.group(1))


def seconds_of(retry_after: str, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, in either of its forms; None where it says nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
