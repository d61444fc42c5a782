"""Models of answers about reports."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class ReportStarted(BaseModel):
    """A report that was asked for."""

    id: UUID
    status: Literal["PENDING"]
    message: str


class ReportAnswer(BaseModel):
    """A report as it is now."""

    id: UUID
    status: Literal["PENDING", "RUNNING", "READY", "FAILED", "CANCELLED"]
    progress: int
    progress_message: str | None
    error_message: str | None
    file_path: str | None
    email_status: Literal["none", "pending", "sent", "failed", "cancelled", "unknown"]
    attempts: int
    created_at: datetime
    updated_at: datetime


class ListedReport(ReportAnswer):
    """A report in the list. Its title is null where it was asked for by a release that kept none."""

    title: str | None
    formats: list[Literal["pdf", "csv", "xlsx"]]


class ReportList(BaseModel):
    """One page of reports, newest first."""

    items: list[ListedReport]
    next: UUID | None = None
