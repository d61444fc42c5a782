"""A feed as values: what a document says of itself and of its items, whatever its format was."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_ITEMS = 20_000
"""Items that are taken of one document; the rest are counted as skipped."""
MAX_ADDRESS = 2_000
"""Characters of an address; a longer one is left out."""
MAX_GUID = 500
"""Bytes of a guid; a longer one is replaced by its hash, so that an index can hold it."""
MAX_LINE = 1_000
"""Characters of a title or a name."""
MAX_SUMMARY = 20_000
"""Characters of a summary, before it is cleaned."""
MAX_CONTENT = 150_000
"""Characters of a content, before it is cleaned: one item stays well under the limit of a payload."""
MAX_TAGS = 50
MAX_ATTACHMENTS = 20


class FeedFormat(StrEnum):
    """What a document is written in."""

    RSS = "rss"
    """RSS 0.91 to 2.0."""
    RDF = "rdf"
    """RSS 0.90, 1.0 and 1.1."""
    ATOM = "atom"
    """Atom 0.3 and 1.0."""
    JSON = "json"
    """JSON Feed 1.0 and 1.1."""


class InvalidFeed(ValueError):
    """The document is no feed, or one that can't be read."""


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A file that belongs to an item, as a podcast's sound."""

    url: str
    media_type: str | None = None
    size: int | None = None
    """Bytes, as the feed says."""


@dataclass(frozen=True, slots=True)
class ParsedItem:
    """One item. Texts are those of a web page: titles and names plain, summary and content cleaned HTML."""

    guid: str
    """What identifies it within its feed."""
    title: str = ""
    link: str | None = None
    summary: str = ""
    content: str = ""
    author: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    tags: tuple[str, ...] = ()
    attachments: tuple[FeedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One item, as far as it is known before its texts are cleaned, which takes most of the time."""

    guid: str
    """What identifies it within its feed."""
    fingerprint: str
    """SHA-256 of what the document says of it, and of how that is cleaned: the same one makes the same item."""
    item: Callable[[], ParsedItem]
    """The item, cleaned."""


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """One document."""

    format: FeedFormat
    title: str
    link: str | None
    """The web site that the feed belongs to."""
    entries: tuple[FeedEntry, ...]
    skipped: int = 0
    """Items that were left out: without anything that tells them apart, repeated, or beyond `MAX_ITEMS`."""
    ttl: float | None = None
    """Seconds for which the feed asks not to be fetched again."""
