"""A source: an address from which a feed is fetched again and again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from corral.job.bounds import Bounds

DEFAULT_INTERVAL = 3_600.0
"""Seconds between two fetches of a source that says nothing else."""
INTERVAL = Bounds(60, 30 * 86_400, "seconds")
"""Seconds between two fetches of a source."""


class SourceState(StrEnum):
    """Whether a source is fetched."""

    ACTIVE = "active"
    PAUSED = "paused"
    """A person paused it."""
    GONE = "gone"
    """Its server says that it exists no more (410), or that it moved to a source that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSource:
    """A source as stored."""

    id: UUID
    url: str
    title: str
    site: str | None
    """The web site that the feed belongs to."""
    format: str | None
    state: SourceState
    paused_at: datetime | None
    paused_by: str | None
    interval: float
    """Seconds between two fetches, where the server asks for no longer wait."""
    next_fetch_at: datetime | None
    """When it is due again; None: not before somebody asks."""
    not_before: datetime | None
    """Until when its server asked to be left alone."""
    etag: str | None
    last_modified: str | None
    digest: str | None
    """SHA-256 of the document that was last read well, without the time at which it was made."""
    ttl: float | None
    """Seconds for which that document asks not to be fetched again."""
    item_count: int
    """Items of that document."""
    failures: int
    """Fetches that failed since the last good one."""
    last_fetched_at: datetime | None
    last_success_at: datetime | None
    last_status: int | None
    """The HTTP status of the last answer."""
    last_error: str | None
    """Why the last fetch failed; None: it did not."""
    created_at: datetime
    created_by: str | None

    @property
    def host(self) -> str:
        """The server that is asked."""
        return host_of(self.url)


def host_of(url: str) -> str:
    """The server of an address, as the limit of fetches counts it: without its port."""
    return urlsplit(url).hostname or ""


class FetchOutcome(StrEnum):
    """What came of one fetch."""

    FETCHED = "fetched"
    """A document was read."""
    NOT_MODIFIED = "not-modified"
    """The server says that nothing changed, or the document is the same."""
    POSTPONED = "postponed"
    """The server asked to be left alone until later; nothing was sent."""
    SKIPPED = "skipped"
    """The source is paused, gone or removed."""
    GONE = "gone"
    """The server says that the feed exists no more."""
    FAILED = "failed"
    """No answer, or none that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUpdate:
    """What an answer makes of its source. Where a field is None, what is stored stays, unless it says otherwise."""

    outcome: FetchOutcome
    state: SourceState = SourceState.ACTIVE
    url: str | None = None
    """The address from now on."""
    title: str | None = None
    site: str | None = None
    format: str | None = None
    etag: str | None = None
    """Stored as it is where `validators` are new, None included."""
    last_modified: str | None = None
    digest: str | None = None
    ttl: float | None = None
    item_count: int | None = None
    validators: bool = False
    """Whether etag, last_modified, digest, ttl and item_count are those of a document that was read well."""
    failures: int = 0
    wait: float | None = None
    """Seconds until it is due again; None: not before somebody asks."""
    leave_alone: float | None = None
    """Seconds for which the server asked to be left alone."""
    status: int | None = None
    error: str | None = None
