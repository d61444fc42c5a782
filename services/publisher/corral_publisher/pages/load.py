"""Starts a load test from its form on the start page."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.errors import InvalidInput
from corral_publisher.pages import start
from corral_publisher.pages.forms import load_form
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import services_of

router = APIRouter(include_in_schema=False)


@router.post("/load")
async def start_load(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.ADMIN))]
) -> Response:
    """Start the load test; where the form is wrong, show it again with the errors."""
    services = services_of(request)
    form = await form_of(request, services)
    sent = {name: str(form.get(name, "")) for name in load_form.FIELDS}
    try:
        mix, count, over = load_form.read(sent, (await services.types.all()).types)
        load = await services.loads.start(mix, count, over, principal)
    except InvalidInput as error:
        values = await load_form.values(request, services, sent, error)
        return await start.page(request, services, principal, "", load=values, status=422)
    return RedirectResponse(f"/?{urlencode(sent | {'load': str(load.id)})}#load-title", status_code=303)
