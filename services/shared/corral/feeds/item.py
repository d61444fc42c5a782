"""Items of feeds: what is to be stored of them, and what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeedItem:
    """An item that is to be stored."""

    source: UUID
    guid: str
    hash: str
    """SHA-256 of `data`."""
    fingerprint: str | None = None
    """SHA-256 of what its document says of it; None: nobody knows."""
    title: str
    link: str | None
    published_at: datetime | None
    data: Mapping[str, Any]
    seen_at: datetime
    """When the document was fetched that it is from."""


class KnownItem(NamedTuple):
    """What tells a stored item from another state of it."""

    hash: str
    """SHA-256 of its content."""
    fingerprint: str | None
    """SHA-256 of what its document said of it: a document that says the same need not be read further."""
    listed: bool = True
    """Whether it is noted within a day that a document lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFeedItem:
    """An item as stored."""

    id: UUID
    source: UUID
    guid: str
    title: str
    link: str | None
    published_at: datetime | None
    created_at: datetime
    changed_at: datetime
    data: Mapping[str, Any]


class ItemOutcome(StrEnum):
    """What became of an item."""

    NEW = "new"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"
