"""Schedules: list, make, change, pause, resume, run now, backfill, delete; their next times and last ticks."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.actions.why.schedules import next_times, problems_of, why
from corral.bounded import Bounded
from corral.errors import FieldError
from corral.job import moment
from corral.job.bounds import Bounds
from corral.job.job import Job
from corral.store.schedules.rows import Schedule
from corral_publisher.models.schedules import (
    Backfill,
    BackfillDone,
    NewSchedule,
    SchedulePage,
    SchedulePatch,
    SchedulePause,
    ScheduleView,
    ScheduleWhy,
    TickPage,
    TickTimes,
)
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin, Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.requests.parameters import InvalidParameter, Limit
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["schedules"], route_class=ApiRoute)

Count = Annotated[int, Bounded(Bounds(1, 1_000, "times")), Query(description="How many times.")]
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
_ONE = {200: {"model": ScheduleView}, **failures(404)}
_CHANGED = {200: {"model": ScheduleView}, **failures(400, 404, 408, 409, 413)}


@router.get("/schedules", summary="All schedules", responses={200: {"model": SchedulePage}, **failures()})
async def list_schedules(
    request: Request,
    _: Viewer,
    limit: Limit = 50,
    cursor: Annotated[str, Query(max_length=100, description="`next` of the page before.")] = "",
) -> Response:
    """List schedules by name, without their payloads."""
    found = await services_of(request).store.schedules.page(cursor, limit)
    return answer(
        {"items": [_summary(one) for one in found], "next": found[-1].name if len(found) == limit else None}
    )


@router.post(
    "/schedules",
    summary="Make one",
    status_code=201,
    openapi_extra=body(NewSchedule),
    responses={201: {"model": ScheduleView}, **failures(400, 408, 409, 413)},
)
async def create_schedule(request: Request, caller: Operator) -> Response:
    """Make a schedule. Its payload is checked against the job type, now and again at each tick."""
    services = services_of(request)
    wanted = checked(NewSchedule, await read_json(request, services))
    made = await services.schedules.create(wanted.name, wanted.given(), caller.name)
    return answer(_view(made), 201, {"Location": f"{PREFIX}/schedules/{made.name}"})


@router.get("/schedules/{name}", summary="One schedule", responses=_ONE)
async def get_schedule(request: Request, name: str, _: Viewer) -> Response:
    """Return the schedule as it is now."""
    return answer(_view(await services_of(request).store.schedules.get(name)))


@router.patch("/schedules/{name}", summary="Change it", openapi_extra=body(SchedulePatch), responses=_CHANGED)
async def patch_schedule(request: Request, name: str, caller: Operator) -> Response:
    """Set fields over what was declared; no deployment undoes it. Other times count from now on."""
    services = services_of(request)
    patch = checked(SchedulePatch, await read_json(request, services))
    return answer(_view(await services.schedules.set(name, patch.given(), caller.name, reset=patch.reset)))


@router.delete("/schedules/{name}", summary="Delete it", status_code=204, responses=failures(404))
async def delete_schedule(request: Request, name: str, caller: Admin) -> Response:
    """Delete the schedule; its jobs stay. No deployment brings a declared one back."""
    await services_of(request).schedules.delete(name, caller.name)
    return Response(status_code=204)


@router.post(
    "/schedules/{name}/pause",
    summary="Pause it",
    openapi_extra=body(SchedulePause, required=False),
    responses=_CHANGED,
)
async def pause_schedule(request: Request, name: str, caller: Operator) -> Response:
    """Submit nothing until it is resumed. Jobs that run go on."""
    services = services_of(request)
    headers = request.headers
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    sent = {} if empty else await read_json(request, services)
    note = checked(SchedulePause, sent).note
    return answer(_view(await services.schedules.pause(name, note, caller.name)))


@router.post("/schedules/{name}/resume", summary="Resume it", responses=_ONE)
async def resume_schedule(request: Request, name: str, caller: Operator) -> Response:
    """Go on with the first tick after now; those that came while it was paused are not made up for."""
    return answer(_view(await services_of(request).schedules.resume(name, caller.name)))


@router.post(
    "/schedules/{name}/run-now",
    summary="Run it now",
    status_code=201,
    responses={201: {"model": Job}, **failures(404, 409)},
)
async def run_schedule(request: Request, name: str, caller: Operator) -> Response:
    """Submit its job once, beside its ticks, also while it is paused. The answer is the job."""
    services = services_of(request)
    accepted = await services.schedules.run_now(name, caller.name)
    location = {"Location": f"{PREFIX}/jobs/{accepted.id}"}
    return answer(await services.jobs.get(accepted.id), 201, location)


@router.post(
    "/schedules/{name}/backfill",
    summary="Submit the jobs of ticks of the past",
    openapi_extra=body(Backfill),
    responses={200: {"model": BackfillDone}, **failures(400, 404, 408, 413)},
)
async def backfill_schedule(request: Request, name: str, caller: Operator) -> Response:
    """Submit a job for every tick of a range that has none; `dry_run` only says which. At most 10,000 ticks."""
    services = services_of(request)
    wanted = checked(Backfill, await read_json(request, services))
    done = await services.schedules.backfill(
        name, wanted.start, wanted.end, caller.name, dry_run=wanted.dry_run
    )
    submitted = [{"tick": tick, "job": job} for tick, job in done.submitted]
    return answer({"ticks": done.ticks, "had": done.had, "dry_run": wanted.dry_run, "submitted": submitted})


@router.get(
    "/schedules/{name}/times",
    summary="Its next times",
    responses={200: {"model": TickTimes}, **failures(404)},
)
async def schedule_times(
    request: Request,
    name: str,
    _: Viewer,
    count: Count = 10,
    after: Annotated[str | None, Query(description="Times after this one (RFC 3339); else now.")] = None,
) -> Response:
    """Tell when it has its next ticks, paused or not, with those marked that a clock change moves or repeats."""
    schedule = await services_of(request).store.schedules.get(name)
    times = next_times(schedule, count, None if after is None else _moment("after", after))
    zone = ZoneInfo(times.zone)
    items = [
        {
            "at": tick.at,
            "local": tick.at.astimezone(zone).isoformat(),
            "run_at": tick.run_at,
            "clock_change": tick.mark,
        }
        for tick in times.ticks
    ]
    return answer({"zone": times.zone, "items": items})


@router.get(
    "/schedules/{name}/ticks",
    summary="Its last ticks",
    responses={200: {"model": TickPage}, **failures(404)},
)
async def schedule_ticks(
    request: Request,
    name: str,
    _: Viewer,
    limit: Limit = 50,
    cursor: Annotated[str, Query(description="`next` of the page before.")] = "",
) -> Response:
    """List what became of its ticks, newest first. Of many that were missed at once the newest are listed."""
    services = services_of(request)
    await services.store.schedules.get(name)
    before = _moment("cursor", cursor) if cursor else LATEST
    ticks = await services.store.ticks.page(name, before, limit)
    return answer({"items": ticks, "next": ticks[-1].tick if len(ticks) == limit else None})


@router.get(
    "/schedules/{name}/why",
    summary="Why doesn't it run?",
    responses={200: {"model": ScheduleWhy}, **failures(404)},
)
async def schedule_why(request: Request, name: str, _: Viewer) -> Response:
    """Every cause that keeps it from submitting, with what helps, and why its last ticks had no job."""
    store = services_of(request).store
    causes = await why(store, await store.schedules.get(name))
    return answer({"name": name, "causes": causes})


def _summary(schedule: Schedule) -> dict[str, Any]:
    definition = {field: value for field, value in schedule.fields.items() if field != "payload"}
    whole = {"definition", "declared", "overrides"}
    return {field: value for field, value in _view(schedule).items() if field not in whole} | {
        "definition": definition
    }


def _view(schedule: Schedule) -> dict[str, Any]:
    same = (
        "name",
        "source",
        "version",
        "paused_at",
        "paused_by",
        "pause_note",
        "last_tick",
        "last_job",
        "waiting",
    )
    counts = (
        "submitted",
        "missed",
        "missed_at",
        "skipped",
        "refused",
        "created_by",
        "created_at",
        "updated_at",
    )
    return {
        **{field: getattr(schedule, field) for field in (*same, *counts)},
        "paused": schedule.paused_at is not None,
        "next_tick": None if schedule.paused_at else schedule.due_at,
        "problems": problems_of(schedule),
        "definition": schedule.fields,
        "declared": schedule.declared,
        "overrides": schedule.overrides,
    }


def _moment(name: str, text: str) -> datetime:
    try:
        return moment.parse(text)
    except ValueError as error:
        raise InvalidParameter(FieldError(name, str(error))) from error
