"""Streams of server-sent events: about everything, or about one job."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from corral.job.job import Job
from corral.store import StoredLogLine
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Viewer
from corral_publisher.responses.event_stream import BEAT, BEAT_SECONDS, EventStream, event
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(prefix=PREFIX, tags=["events"], route_class=ApiRoute)

READ_SECONDS = 2.0
"""Longest time between two reads of a job's row. Events may be lost."""
LOG_LINES = 500
"""Log lines that are read at once; the rest follows immediately."""

LastEventId = Annotated[str | None, Header(description="Go on after this event.")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "A stream of events.", "content": {"text/event-stream": {}}}
}


@router.get("/events", summary="Follow everything that happens", responses={**_STREAM, **failures()})
async def all_events(request: Request, _: Viewer, last_event_id: LastEventId = None) -> Response:
    """Events `jobs`, `progress`, `logs` and `queue`, gathered three times a second.

    `gap` says that some were missed: read again what you show.
    """
    services = services_of(request)
    source = _everything(services, last_event_id)
    return EventStream(source, reading=services.broadcast.reading(), stopping=services.stopping)


@router.get(
    "/jobs/{job_id}/events", summary="Follow what happens to one job", responses={**_STREAM, **failures(404)}
)
async def job_events(request: Request, job_id: str, _: Viewer, last_event_id: LastEventId = None) -> Response:
    """Events `job` (the job without its payload) and `log` (one line); `end` follows the last one."""
    services = services_of(request)
    job = await services.jobs.get(parameters.job_id(job_id))
    source = _one(services, job, last_event_id)
    return EventStream(source, reading=services.broadcast.reading(), stopping=services.stopping)


async def _everything(services: PublisherServices, last_event_id: str | None) -> AsyncIterator[bytes]:
    broadcast = services.broadcast
    number, missed = broadcast.resume(last_event_id)
    if missed:
        yield event("gap", {}, f"{broadcast.epoch}-{number}")
    while True:
        frames = await broadcast.after(number, BEAT_SECONDS)
        if not frames:
            yield BEAT
        elif frames[0].number > number + 1:  # a client that reads too slowly
            yield event("gap", {})
        for frame in frames:
            number = frame.number
            yield frame.text


async def _one(services: PublisherServices, job: Job, last_event_id: str | None) -> AsyncIterator[bytes]:
    """Send the job whenever its row may have changed, and the new lines of its log.

    The id of an event is `<last line>-<microseconds of the row>`: any process can go on from it.
    """
    seen, shown = _resume(last_event_id)
    async for current in changes(services, job):
        lines = await services.store.jobs.logs(current.id, seen, LOG_LINES)
        while lines:
            for line in lines:
                seen = line.seq
                yield event("log", _plain(line), f"{seen}-{shown}")
            lines = (
                await services.store.jobs.logs(current.id, seen, LOG_LINES) if len(lines) == LOG_LINES else []
            )
        stamp = int(current.updated_at.timestamp() * 1_000_000)
        if stamp != shown or current.state.terminal:
            shown = stamp
            yield event("job", _plain(current), f"{seen}-{shown}")
        elif current.state.live:
            yield BEAT
        if current.state.terminal:
            yield event("end", {"state": current.state}, f"{seen}-{shown}")


async def changes(services: PublisherServices, job: Job) -> AsyncIterator[Job]:
    """The job now, and again after each possible change, at most about three times a second.

    It stops after the job has ended or was removed.
    """
    broadcast = services.broadcast
    number = broadcast.number
    while True:
        yield job
        if job.state.terminal:
            return
        number = await _touched(services, job.id, number)
        found = await services.store.jobs.get(job.id)
        if found is None:
            return
        job = found


async def _touched(services: PublisherServices, job_id: UUID, number: int) -> int:
    """Wait until the job may have changed, for at most `READ_SECONDS`; returns the number of the newest frame read."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READ_SECONDS
    while (left := deadline - loop.time()) > 0:
        frames = await services.broadcast.after(number, left)
        if frames:
            number = frames[-1].number
        if any(frame.touches(job_id) for frame in frames):
            break
    return number


def _resume(last_event_id: str | None) -> tuple[int, int]:
    parts = (last_event_id or "").split("-")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) < 18 for part in parts):
        return min(int(parts[0]), 2**31 - 1), int(parts[1])
    return 0, 0


def _plain(value: Job | StoredLogLine) -> dict[str, Any]:
    """A job as an event has it: without the payload, which may be large and never changes."""
    return {field.name: getattr(value, field.name) for field in fields(value) if field.name != "payload"}
