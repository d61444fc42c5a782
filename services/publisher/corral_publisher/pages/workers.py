"""Workers: who lives, and what each runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from corral.actions.principal import Principal, Role
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor
from corral_publisher.services import Services, services_of

router = APIRouter(include_in_schema=False)


@router.get("/workers")
async def workers(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]
) -> Response:
    """The page."""
    found = await services_of(request).store.workers.list()
    return render.page(request, "workers.html", principal, workers=found)


async def live_part(request: Request, services: Services, principal: Principal) -> str:
    """The table."""
    return render.fragment(request, "_workers.html", principal, workers=await services.store.workers.list())
