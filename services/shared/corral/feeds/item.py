"""Items of feeds: what is to be stored of them, and what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeedItem:
    """An item that is to be stored."""

    source: UUID
    guid: str
    hash: str
    """SHA-256 of `data`."""
    title: str
    link: str | None
    published_at: datetime | None
    data: Mapping[str, Any]
    seen_at: datetime
    """When the document was fetched that it is from."""


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
