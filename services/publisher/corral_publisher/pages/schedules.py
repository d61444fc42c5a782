"""The pages of schedules: all of them with the next ten times, and one with its times, ticks and buttons."""

from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.actions.why.schedules import next_times, problems_of, why
from corral.errors import Conflict, InvalidInput
from corral.schedule.timetable import Tick
from corral.store.schedules.rows import Schedule
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

ROWS = 50
TIMES = 10
TICKS = 30
LATEST = datetime(9999, 12, 31, tzinfo=UTC)

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]
Doer = Annotated[Principal, Depends(Visitor(Role.OPERATOR))]


@dataclass(frozen=True, slots=True)
class ShownTick:
    """A tick to come, with the wall clock of its schedule."""

    schedule: str
    tick: Tick
    local: str


@router.get("/schedules")
async def schedules(request: Request, principal: Looker) -> Response:
    """Show one page of schedules, and the next ten times of all of them."""
    services = services_of(request)
    found = await services.store.schedules.page(request.query_params.get("cursor", "")[:100], ROWS)
    soonest = await services.store.schedules.soonest(TIMES)
    shown = [tick for schedule in soonest for tick in _times(schedule)]
    return render.page(
        request,
        "schedules.html",
        principal,
        schedules=[(one, problems_of(one), _every(one)) for one in found],
        times=nsmallest(TIMES, shown, key=lambda one: (one.tick.at, one.schedule)),
        next_query=f"?cursor={quote(found[-1].name)}" if len(found) == ROWS else "",
    )


@router.get("/schedules/{name}")
async def schedule(request: Request, name: str, principal: Looker) -> Response:
    """Show the page of one schedule."""
    return await _page(request, services_of(request), principal, name)


@router.post("/schedules/{name}/{action}")
async def act(request: Request, name: str, action: str, principal: Doer) -> Response:
    """Pause with a note, resume, or run now; then show the schedule, or the job."""
    services = services_of(request)
    form = await form_of(request, services)
    try:
        match action:
            case "pause":
                note = form.get("note")
                await services.schedules.pause(
                    name, note if isinstance(note, str) and note else None, principal.name
                )
            case "resume":
                await services.schedules.resume(name, principal.name)
            case "run-now":
                job = await services.schedules.run_now(name, principal.name)
                return RedirectResponse(f"/jobs/{job.id}", status_code=303)
            case _:
                return Response(status_code=404)
    except (Conflict, InvalidInput) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return await _page(request, services, principal, name, status=status, refused=str(error))
    return RedirectResponse(f"/schedules/{name}", status_code=303)


async def _page(
    request: Request,
    services: PublisherServices,
    principal: Principal,
    name: str,
    *,
    status: int = 200,
    refused: str = "",
) -> Response:
    found = await services.store.schedules.get(name)
    values: dict[str, Any] = {
        "schedule": found,
        "every": _every(found),
        "causes": await why(services.store, found),
        "times": _times(found),
        "ticks": await services.store.ticks.page(name, LATEST, TICKS),
        "may_act": principal.role.includes(Role.OPERATOR),
        "refused": refused,
    }
    return render.page(request, "schedule.html", principal, status=status, **values)


def _times(schedule: Schedule) -> list[ShownTick]:
    try:
        times = next_times(schedule, TIMES)
    except InvalidInput:  # the page says what is wrong with it
        return []
    zone = ZoneInfo(times.zone)
    return [
        ShownTick(schedule.name, tick, f"{tick.at.astimezone(zone):%a %Y-%m-%d %H:%M:%S %z}")
        for tick in times.ticks
    ]


def _every(schedule: Schedule) -> str:
    fields = schedule.fields
    zone = f" ({fields['zone']})" if fields.get("zone") else ""
    return f"{fields['cron']}{zone}" if fields.get("cron") else f"every {fields.get('interval', '?')} s"
