"""Areas as their own routes and pages show them: a job of `area.fetch`, and the job of `area.measure` that follows it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from corral.errors import NotFound
from corral.ids import parse_id
from corral.job.job import Job
from corral.job.state import State
from corral.json_codec import Document
from corral.store import JobFilter
from corral_publisher.services import PublisherServices

FETCH = "area.fetch"
MEASURE = "area.measure"
GEOJSON = "area.geojson"
ROWS = 20


class AreaStatus(StrEnum):
    """What an area is, in the words of its routes."""

    PENDING = "pending"
    FETCHING = "fetching"
    MEASURING = "measuring"
    """Also while it waits for a worker that measures."""
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


_FETCHING = {
    State.RUNNING: AreaStatus.FETCHING,
    State.COMPLETED: AreaStatus.MEASURING,
    State.FAILED: AreaStatus.FAILED,
    State.CANCELLED: AreaStatus.CANCELLED,
}
_MEASURING = {
    State.COMPLETED: AreaStatus.READY,
    State.FAILED: AreaStatus.FAILED,
    State.CANCELLED: AreaStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaView:
    """One area. `fetched` and `measured` are the results of its two jobs, as far as they have ended."""

    id: UUID
    status: AreaStatus
    progress: int
    message: str | None
    error: str | None
    request: Mapping[str, Any]
    fetched: Mapping[str, Any] | None
    measured: Mapping[str, Any] | None
    measured_by: UUID | None
    geojson: str | None
    """Where the shapes can be downloaded."""
    created_at: datetime
    updated_at: datetime

    def json(self) -> dict[str, Any]:
        """The view as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AreaPage:
    """Areas, newest first, and the cursor of the next page; None at the end."""

    items: Sequence[AreaView]
    next: UUID | None


async def one_area(services: PublisherServices, area: UUID) -> AreaView:
    """An area as it is now.

    Raises:
        NotFound: there is none of that id.
    """
    job = await services.store.jobs.get(area)
    if job is None or job.type != FETCH:
        raise NotFound("area", area)
    return (await _views(services, [job]))[0]


async def list_areas(services: PublisherServices, cursor: UUID | None = None) -> AreaPage:
    """One page of areas, newest first."""
    page = await services.store.jobs.page(JobFilter(type=FETCH), cursor=cursor, limit=ROWS)
    jobs = {job.id: job for job in await services.store.jobs.many([job.id for job in page.items])}
    return AreaPage(await _views(services, [jobs[one.id] for one in page.items if one.id in jobs]), page.next)


async def _views(services: PublisherServices, fetched: Sequence[Job]) -> list[AreaView]:
    followed = {job.id: _measured_by(job) for job in fetched}
    wanted = [found for found in followed.values() if found is not None]
    measured = {job.id: job for job in await services.store.jobs.many(wanted)} if wanted else {}
    return [area_view(job, measured.get(followed[job.id] or job.id)) for job in fetched]


def area_view(fetch: Job, measure: Job | None) -> AreaView:
    """The area that two jobs are; the second is there once the first has succeeded, until it is removed."""
    status = _FETCHING.get(fetch.state, AreaStatus.PENDING)
    if measure is not None and measure.type == MEASURE:
        status = _MEASURING.get(measure.state, AreaStatus.MEASURING)
    elif fetch.state is State.COMPLETED:
        measure, status = None, AreaStatus.FAILED
    now = measure or fetch
    error = now.error if status is AreaStatus.FAILED else None
    gone = "what it measured was removed" if status is AreaStatus.FAILED and now.error is None else None
    return AreaView(
        id=fetch.id,
        status=status,
        progress=_progress(fetch, measure),
        message=now.progress_message if now.state is State.RUNNING else None,
        error=str(error.get("message", "")) if error is not None else gone,
        request=_object(fetch.payload),
        fetched=_object(fetch.result) or None,
        measured=_object(measure.result) or None if measure is not None else None,
        measured_by=None if measure is None else measure.id,
        geojson=None
        if measure is None or status is not AreaStatus.READY
        else f"/api/v1/jobs/{measure.id}/artifacts/{GEOJSON}",
        created_at=fetch.created_at,
        updated_at=now.updated_at,
    )


def _progress(fetch: Job, measure: Job | None) -> int:
    """Nine tenths are the fetch."""
    if measure is None:
        return round(fetch.progress * 0.9)
    return 100 if measure.state is State.COMPLETED else 90 + measure.progress // 10


def _measured_by(job: Job) -> UUID | None:
    found = _object(job.result).get("measured_by")
    return parse_id(found) if isinstance(found, str) else None


def _object(value: Any) -> Mapping[str, Any]:
    plain = value.value if isinstance(value, Document) else value
    return plain if isinstance(plain, dict) else {}
