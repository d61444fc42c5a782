"""The page of workers: their state and what they run, and buttons to drain one and to let it claim again."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.store.workers.drains import POOL
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)


@router.get("/workers")
async def workers(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]
) -> Response:
    """Show the page."""
    values = await _values(services_of(request), principal)
    return render.page(request, "workers.html", principal, **values)


@router.post("/workers/{worker}/{action}")
async def act(
    request: Request,
    worker: UUID,
    action: str,
    principal: Annotated[Principal, Depends(Visitor(Role.OPERATOR))],
) -> Response:
    """Drain a worker or lift its drain, then show the workers."""
    services = services_of(request)
    await form_of(request, services)
    match action:
        case "drain":
            await services.store.workers.drain(worker, principal.name)
        case "undrain":
            await services.store.workers.lift(worker, principal.name)
        case _:
            return Response(status_code=404)
    return RedirectResponse("/workers", status_code=303)


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The HTML that is updated live: the table."""
    return render.fragment(request, "_workers.html", principal, **await _values(services, principal))


async def _values(services: PublisherServices, principal: Principal) -> dict[str, Any]:
    return {
        "workers": await services.store.workers.list(),
        "pool_prefix": POOL,
        "may_act": principal.role.includes(Role.OPERATOR),
    }
