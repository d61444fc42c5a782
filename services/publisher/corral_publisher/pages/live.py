"""Streams of the live parts of pages. HTML is sent at most twice a second and only when it has changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from corral import metrics
from corral.actions.access.principal import Principal, Role
from corral.errors import CorralError
from corral_publisher.pages import areas, feeds, imports, job, jobs, pools, queues, reports, start, workers
from corral_publisher.pages.visitor import Visitor
from corral_publisher.requests import parameters
from corral_publisher.responses.event_stream import BEAT, EventStream, event, fragment
from corral_publisher.routes.events import changes
from corral_publisher.routes.reports import status_of
from corral_publisher.services import PublisherServices, services_of

log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

MIN_RENDER_SECONDS = 0.5
"""Shortest time between two renderings for one stream."""
LOOK_SECONDS = 5.0
"""Longest time between two renderings: events may be lost, and not every change makes one."""
POOL_SECONDS = 1.0
"""Longest time between two renderings where pools are shown: they are reported once a second."""

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]
Part = Callable[[Request, PublisherServices, Principal], Awaitable[str]]


@router.get("/live/start")
async def live_start(request: Request, principal: Looker) -> Response:
    """Stream the counts, pools and newest jobs of the start page."""
    return _stream(request, principal, start.live_part, POOL_SECONDS)


@router.get("/live/jobs")
async def live_jobs(request: Request, principal: Looker) -> Response:
    """Stream the table of jobs for the filter in the address."""
    parameters.job_filter(request.query_params)
    return _stream(request, principal, jobs.live_part)


@router.get("/live/reports")
async def live_reports(request: Request, principal: Looker) -> Response:
    """Stream the table of reports for the filter in the address."""
    status_of(request.query_params.get("status", ""))
    parameters.cursor(request.query_params)
    return _stream(request, principal, reports.live_part)


@router.get("/live/queues")
async def live_queues(request: Request, principal: Looker) -> Response:
    """Stream the table of queues."""
    return _stream(request, principal, queues.live_part)


@router.get("/live/workers")
async def live_workers(request: Request, principal: Looker) -> Response:
    """Stream the table of workers."""
    return _stream(request, principal, workers.live_part)


@router.get("/live/pools")
async def live_pools(request: Request, principal: Looker) -> Response:
    """Stream all pools."""
    return _stream(request, principal, pools.live_parts, POOL_SECONDS)


@router.get("/live/pools/{name}")
async def live_pool(request: Request, name: str, principal: Looker) -> Response:  # noqa: ARG001  read by the part
    """Stream one pool and its decisions."""
    parameters.cursor(request.query_params)
    return _stream(request, principal, pools.live_part, POOL_SECONDS)


@router.get("/live/areas")
async def live_areas(request: Request, principal: Looker) -> Response:
    """Stream the list of areas."""
    parameters.cursor(request.query_params)
    return _stream(request, principal, areas.live_areas)


@router.get("/live/areas/{area_id}")
async def live_area(request: Request, area_id: str, principal: Looker) -> Response:
    """Stream one area."""
    parameters.job_id(area_id)
    return _stream(request, principal, areas.live_area)


@router.get("/live/imports")
async def live_imports(request: Request, principal: Looker) -> Response:
    """Stream the history of imports."""
    parameters.cursor(request.query_params)
    return _stream(request, principal, imports.live_imports)


@router.get("/live/imports/{import_id}")
async def live_import(request: Request, import_id: str, principal: Looker) -> Response:  # noqa: ARG001  read by the part
    """Stream one import."""
    return _stream(request, principal, imports.live_import)


@router.get("/live/feeds")
async def live_feeds(request: Request, principal: Looker) -> Response:
    """Stream the table of feeds."""
    parameters.cursor(request.query_params)
    return _stream(request, principal, feeds.live_feeds)


@router.get("/live/jobs/{job_id}")
async def live_job(request: Request, job_id: str, principal: Looker) -> Response:
    """Stream one job until it has ended."""
    services = services_of(request)
    found = await services.jobs.get(parameters.job_id(job_id))

    async def source() -> AsyncIterator[bytes]:
        shown = ""
        async for current in changes(services, found):
            html = await job.live_part(request, services, principal, current)
            if html != shown:
                shown = html
                yield fragment(html)
            else:
                yield BEAT
            await asyncio.sleep(MIN_RENDER_SECONDS)
        yield event("ended", {})

    return EventStream(source(), reading=services.broadcast.reading(), stopping=services.stopping)


def _stream(
    request: Request, principal: Principal, part: Part, look_seconds: float = LOOK_SECONDS
) -> Response:
    services = services_of(request)
    parts = _parts(request, services, principal, part, look_seconds)
    return EventStream(parts, reading=services.broadcast.reading(), stopping=services.stopping)


async def _parts(
    request: Request, services: PublisherServices, principal: Principal, part: Part, look_seconds: float
) -> AsyncIterator[bytes]:
    broadcast = services.broadcast
    shown = ""
    number = broadcast.number
    while True:
        try:
            html = await part(request, services, principal)
        except CorralError as error:
            metrics.SWALLOWED.labels("live").inc()
            log.warning("live.blind", path=request.url.path, error=str(error))
            return  # the browser says since when, and comes back
        if html != shown:
            shown = html
            yield fragment(html)
        else:
            yield BEAT
        await asyncio.sleep(MIN_RENDER_SECONDS)
        number = max([frame.number for frame in await broadcast.after(number, look_seconds)], default=number)
