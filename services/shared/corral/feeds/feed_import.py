"""Imports: some sources, fetched once at somebody's request, with counts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedImport:
    """An import as it is now."""

    id: UUID
    created_by: str | None
    started_at: datetime
    finished_at: datetime | None
    sources: int
    pending_sources: int
    pending_items: int
    new: int
    updated: int
    unchanged: int
    skipped: int
    failed: int

    @property
    def status(self) -> Literal["running", "finished"]:
        """Whether it still waits for a source or an item."""
        return "running" if self.finished_at is None else "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSource:
    """What came of one source of an import."""

    source: UUID
    url: str
    job: UUID | None
    """The job that fetches it."""
    outcome: str | None
    """As `FetchOutcome`; None: it is not fetched yet."""
    error: str | None
