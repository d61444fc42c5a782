"""The page of providers: what each allows, what is in use; a form to set values."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from corral import json_codec
from corral.actions.access.principal import Principal, Role
from corral.errors import InvalidInput
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import services_of
from corral_publisher.views import providers as provider_board

router = APIRouter(include_in_schema=False)

FIELDS = ("url", "slots", "per_second", "per_day", "bytes_per_day", "transit", "timeout", "max_bytes")


@router.get("/providers")
async def providers(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.VIEWER))]
) -> Response:
    """All providers, and a form that makes or changes one."""
    return await _page(request, principal)


@router.post("/providers")
async def set_provider(
    request: Request, principal: Annotated[Principal, Depends(Visitor(Role.ADMIN))]
) -> Response:
    """Set the values that were filled in; a provider of a new name is made."""
    services = services_of(request)
    form = await form_of(request, services)
    reason = str(form.get("reason") or "") or None
    name = str(form.get("name") or "").strip()
    try:
        await services.providers.set(name, await _values(form), principal.name, reason=reason)
    except InvalidInput as error:
        return await _page(
            request, principal, wrong=str(error), given={key: str(form.get(key) or "") for key in form}
        )
    return RedirectResponse("/providers", status_code=303)


async def _page(
    request: Request, principal: Principal, *, wrong: str | None = None, given: dict[str, str] | None = None
) -> Response:
    return render.page(
        request,
        "providers.html",
        principal,
        status=200 if wrong is None else 422,
        providers=await provider_board.all_providers(services_of(request)),
        wrong=wrong,
        given=given or {},
        may_set=principal.role.includes(Role.ADMIN),
    )


async def _values(form: FormData) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for option in FIELDS:
        text = str(form.get(option) or "").strip()
        if text:
            values[option] = text if option == "url" else _number(text)
    header, place = (str(form.get(field) or "").strip() for field in ("header", "secret"))
    if header or place:
        values["headers"] = {header: place}
    return values


def _number(text: str) -> Any:
    try:
        return json_codec.loads(text)
    except ValueError:
        return text
