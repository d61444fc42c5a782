"""The pages of webhooks: all of them, and one with its deliveries and buttons."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.errors import Conflict, InvalidInput
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.requests import parameters
from corral_publisher.routes.webhooks import id_of
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

ROWS = 50

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]
Doer = Annotated[Principal, Depends(Visitor(Role.OPERATOR))]


@router.get("/webhooks")
async def webhooks(request: Request, principal: Looker) -> Response:
    """Show all webhooks with how their endpoints do."""
    found = await services_of(request).store.webhooks.page(request.query_params.get("cursor", "")[:100], ROWS)
    return render.page(
        request,
        "webhooks.html",
        principal,
        webhooks=found,
        next=found[-1].name if len(found) == ROWS else None,
    )


@router.get("/webhooks/{name}")
async def webhook(request: Request, name: str, principal: Looker) -> Response:
    """Show one webhook and its deliveries."""
    return await _page(request, services_of(request), principal, name)


@router.post("/webhooks/{name}/{action}")
async def act(request: Request, name: str, action: str, principal: Doer) -> Response:
    """Enable, disable with a reason, or test it; then show it."""
    services = services_of(request)
    form = await form_of(request, services)
    try:
        match action:
            case "enable":
                await services.webhooks.enable(name, principal.name)
            case "disable":
                reason = form.get("reason")
                await services.webhooks.disable(
                    name, reason if isinstance(reason, str) else None, principal.name
                )
            case "test":
                await services.webhooks.test(name, principal.name)
            case _:
                return Response(status_code=404)
    except InvalidInput as error:
        return await _page(request, services, principal, name, status=422, refused=str(error))
    return RedirectResponse(f"/webhooks/{name}", status_code=303)


@router.post("/webhooks/{name}/deliveries/{delivery}/replay")
async def replay(request: Request, name: str, delivery: str, principal: Doer) -> Response:
    """Send one delivery again; then show the webhook."""
    services = services_of(request)
    await form_of(request, services)
    try:
        await services.webhooks.replay(name, id_of(delivery), principal.name)
    except Conflict as error:
        return await _page(request, services, principal, name, status=409, refused=str(error))
    return RedirectResponse(f"/webhooks/{name}", status_code=303)


async def _page(
    request: Request,
    services: PublisherServices,
    principal: Principal,
    name: str,
    *,
    status: int = 200,
    refused: str = "",
) -> Response:
    found = await services.store.webhooks.get(name)
    before = parameters.cursor(request.query_params) if request.method == "GET" else None
    deliveries = await services.store.webhook_history.page(name, before=before, limit=ROWS)
    return render.page(
        request,
        "webhook.html",
        principal,
        status=status,
        webhook=found,
        deliveries=deliveries,
        next=deliveries[-1].id if len(deliveries) == ROWS else None,
        may_act=principal.role.includes(Role.OPERATOR),
        refused=refused,
    )
