"""The page of queues: jobs per state, and buttons to pause and resume."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)


@router.get("/queues")
async def queues(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]
) -> Response:
    """Show the page."""
    values = await _values(services_of(request), principal)
    return render.page(request, "queues.html", principal, **values)


@router.post("/queues/{name}/{action}")
async def act(
    request: Request, name: str, action: str, principal: Annotated[Principal, Depends(Visitor(Role.OPERATOR))]
) -> Response:
    """Pause or resume, then show the queues."""
    services = services_of(request)
    await form_of(request, services)
    match action:
        case "pause":
            await services.queues.pause(name, principal.name)
        case "resume":
            await services.queues.resume(name, principal.name)
        case _:
            return Response(status_code=404)
    return RedirectResponse("/queues", status_code=303)


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The HTML that is updated live: the table."""
    return render.fragment(request, "_queues.html", principal, **await _values(services, principal))


async def _values(services: PublisherServices, principal: Principal) -> dict[str, Any]:
    counts = await services.counts.by_queue()
    known = services.pools.known()
    return {
        "queues": [
            (
                queue,
                counts.get(queue.name, {}),
                [view.status for view in known if not view.stale and view.status.serves(queue.name)],
            )
            for queue in await services.store.queues.list()
        ],
        "may_act": principal.role.includes(Role.OPERATOR),
    }
