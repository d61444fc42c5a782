"""Reports as their own routes and pages show them: a job of `report.generate` in the words PENDING to CANCELLED."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from corral.errors import FieldError, NotFound
from corral.job.job import Job
from corral.job.state import State
from corral.json_codec import Document
from corral.store import JobFilter
from corral.store.mail.report_details import ReportDetail
from corral_publisher.requests.parameters import InvalidParameter
from corral_publisher.services import PublisherServices

TYPE = "report.generate"
ROWS = 50
LEAST_RUNNING = 10
"""Percent that a running report shows at least."""
MEDIA_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Of the files beside the PDF."""
_LAST = UUID(int=2**128 - 1)


class ReportStatus(StrEnum):
    """What a report is, in the words of its routes."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    READY = "READY"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @classmethod
    def of(cls, state: State) -> "ReportStatus":
        """The status of a job in that state."""
        return next(status for status, states in STATES.items() if state in states)


STATES = {
    ReportStatus.PENDING: frozenset({State.BLOCKED, State.SCHEDULED, State.QUEUED}),
    ReportStatus.RUNNING: frozenset({State.RUNNING}),
    ReportStatus.READY: frozenset({State.COMPLETED}),
    ReportStatus.FAILED: frozenset({State.FAILED}),
    ReportStatus.CANCELLED: frozenset({State.CANCELLED}),
}
_MAIL_STATUS = {
    State.BLOCKED: "pending",
    State.SCHEDULED: "pending",
    State.QUEUED: "pending",
    State.RUNNING: "pending",
    State.COMPLETED: "sent",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """One report. `email_status` is none, pending, sent, failed, cancelled, or unknown for a mail that was removed."""

    id: UUID
    status: ReportStatus
    progress: int
    progress_message: str | None
    error_message: str | None
    file_path: str | None
    email_status: str
    attempts: int
    created_at: datetime
    updated_at: datetime
    title: str | None
    formats: tuple[str, ...]
    """In which it can be downloaded once it is READY."""

    def json(self) -> dict[str, Any]:
        """The view as a JSON object, as the list has it."""
        return asdict(self)

    def status_json(self) -> dict[str, Any]:
        """The same as its status is answered: with the fields of the system before, and no more."""
        return {name: value for name, value in asdict(self).items() if name not in ("title", "formats")}


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports, newest first, and the cursor of the next page; None at the end."""

    items: Sequence[ReportView]
    next: UUID | None


def report_view(job: Job, detail: ReportDetail | None) -> ReportView:
    """The report that a job is."""
    status = ReportStatus.of(job.state)
    return ReportView(
        id=job.id,
        status=status,
        progress=_progress(job, status),
        progress_message=job.progress_message if status is ReportStatus.RUNNING else None,
        error_message=str(job.error.get("message", "")) if job.error is not None else None,
        file_path=f"/reports/{job.id}/download" if status is ReportStatus.READY else None,
        email_status=_email_status(detail, status),
        title=detail.title if detail is not None else None,
        formats=("pdf", *MEDIA_TYPES) if detail is not None and detail.data_files else ("pdf",),
        attempts=job.attempt,
        created_at=job.created_at,
        updated_at=job.updated_at,
    )


def _progress(job: Job, status: ReportStatus) -> int:
    match status:
        case ReportStatus.PENDING:
            return 0
        case ReportStatus.READY:
            return 100
        case ReportStatus.RUNNING:
            return max(LEAST_RUNNING, job.progress)
        case _:
            return job.progress


def _email_status(detail: ReportDetail | None, status: ReportStatus) -> str:
    if detail is None or not detail.mail_to:
        return "none"
    if status is not ReportStatus.READY:
        return "pending" if status in (ReportStatus.PENDING, ReportStatus.RUNNING) else "none"
    if detail.mail is None:
        return "failed"  # it could not be submitted, as the report's log says
    return "unknown" if detail.mail_state is None else _MAIL_STATUS[detail.mail_state]


async def find_report(services: PublisherServices, report: UUID) -> Job:
    """The job of a report.

    Raises:
        NotFound: there is no report of that id.
    """
    job = await services.store.jobs.get(report)
    if job is None or job.type != TYPE:
        raise NotFound("report", report)
    return job


async def one_report(services: PublisherServices, report: UUID) -> ReportView:
    """A report as it is now. Raises as `find_report` does."""
    job = await find_report(services, report)
    return report_view(job, (await services.store.report_details([report])).get(report))


async def list_reports(
    services: PublisherServices,
    *,
    status: ReportStatus | None = None,
    id_begins: str = "",
    cursor: UUID | None = None,
) -> ReportPage:
    """One page of reports, newest first; of one status, and of those whose id begins so.

    Ids are in order of time, so those with one beginning stand together: the page starts at the last of them.
    """
    wanted = JobFilter(type=TYPE, states=STATES[status] if status is not None else frozenset())
    first, last = _range(id_begins)
    if first is None or last is None:
        return ReportPage((), None)
    below = UUID(int=min(last.int + 1, _LAST.int)) if id_begins else None
    if cursor is not None and (below is None or cursor < below):
        below = cursor
    page = await services.store.jobs.page(wanted, cursor=below, limit=ROWS)
    jobs = [job for job in page.items if job.id >= first]
    details = await services.store.report_details([job.id for job in jobs])
    views = [report_view(job, details.get(job.id)) for job in jobs]
    return ReportPage(views, page.next if len(jobs) == len(page.items) else None)


def _range(begins: str) -> tuple[UUID | None, UUID | None]:
    """The first and the last id with that beginning; None where no id begins so."""
    digits = begins.strip().lower().replace("-", "")
    if len(digits) > 32 or not set(digits) <= set("0123456789abcdef"):
        return None, None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


def result_of(job: Job) -> dict[str, Any]:
    """The result of a report's job; empty where there is none that is an object."""
    value = job.result.value if isinstance(job.result, Document) else job.result
    return value if isinstance(value, dict) else {}


def file_name(result: Mapping[str, Any], file_format: str) -> str | None:
    """The name of a report's file in a format; None where it has none, as those of earlier releases have only a PDF.

    Raises:
        InvalidParameter: there is no such format.
    """
    if file_format == "pdf":
        return str(result.get("name", ""))
    if file_format not in MEDIA_TYPES:
        known = ", ".join(("pdf", *MEDIA_TYPES))
        raise InvalidParameter(FieldError("format", f"{file_format[:50]!r} is no format; known: {known}"))
    files = result.get("files")
    wanted = MEDIA_TYPES[file_format]
    named = (
        (one["name"] for one in files if one.get("media_type") == wanted) if isinstance(files, list) else ()
    )
    return next(iter(named), None)
