"""The page of one job: its state, progress, files and log, and buttons to cancel, retry or run it now."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.actions.jobs import only
from corral.errors import Conflict
from corral.job.job import Job
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.requests import parameters
from corral_publisher.routes.artifacts import PICTURES
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

LOG_LINES = 2_000
FOLLOW_UPS = 100
DELIVERIES = 50
MOST_PICTURES = 50
"""Pictures that are shown; the others are among the files."""

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]
Doer = Annotated[Principal, Depends(Visitor(Role.OPERATOR))]


@router.get("/jobs/{job_id}")
async def job(request: Request, job_id: str, principal: Looker) -> Response:
    """Show the page."""
    services = services_of(request)
    found = await services.jobs.get(parameters.job_id(job_id))
    return await _page(request, services, principal, found)


@router.post("/jobs/{job_id}/settle")
async def settle(request: Request, job_id: str, principal: Doer) -> Response:
    """Say what became of an effect that is perhaps done, then show the job."""
    services = services_of(request)
    form = await form_of(request, services)
    found = parameters.job_id(job_id)
    effect, outcome = str(form.get("effect", "")), form.get("outcome")
    if outcome not in ("done", "again"):
        return Response(status_code=404)
    try:
        await services.jobs.settle(found, effect, principal.name, done=outcome == "done")
    except Conflict as error:
        current = await services.jobs.get(found)
        return await _page(request, services, principal, current, status=409, refused=str(error))
    return RedirectResponse(f"/jobs/{found}", status_code=303)


@router.post("/jobs/{job_id}/{action}")
async def act(request: Request, job_id: str, action: str, principal: Doer) -> Response:
    """Cancel, retry or run now, then show the job."""
    services = services_of(request)
    await form_of(request, services)
    found = parameters.job_id(job_id)
    try:
        match action:
            case "cancel":
                only(action, await services.jobs.cancel([found], principal.name))
            case "retry":
                only(action, await services.jobs.retry([found], principal.name))
            case "run-now":
                only(action, await services.jobs.run_now([found], principal.name))
            case _:
                return Response(status_code=404)
    except Conflict as error:
        current = await services.jobs.get(found)
        return await _page(request, services, principal, current, status=409, refused=str(error))
    return RedirectResponse(f"/jobs/{found}", status_code=303)


async def live_part(request: Request, services: PublisherServices, principal: Principal, found: Job) -> str:
    """The HTML that is updated live: the whole job."""
    return render.fragment(request, "_job_live.html", principal, **await _values(services, principal, found))


async def _page(
    request: Request,
    services: PublisherServices,
    principal: Principal,
    found: Job,
    *,
    status: int = 200,
    refused: str = "",
) -> Response:
    values = await _values(services, principal, found)
    return render.page(request, "job.html", principal, status=status, refused=refused, **values)


async def _values(services: PublisherServices, principal: Principal, found: Job) -> dict[str, Any]:
    jobs = services.store.jobs
    files = await services.store.artifacts.list(found.id) if found.attempt else []
    return {
        "job": found,
        "attempts": await jobs.attempts(found.id) if found.attempt else [],
        "follow_ups": await services.store.follow_ups.of(found.id, FOLLOW_UPS) if found.attempt else [],
        "deliveries": await services.store.webhook_history.of_job(found.id, DELIVERIES)
        if found.state.terminal or found.life > 1
        else [],
        "effects": await services.store.effects.of(found.id) if found.attempt else [],
        "logs": await jobs.logs(found.id, 0, LOG_LINES) if found.attempt else [],
        "artifacts": files,
        "pictures": [file for file in files if file.media_type in PICTURES][:MOST_PICTURES],
        "causes": await services.why.of(found),
        "may_act": principal.role.includes(Role.OPERATOR),
    }
