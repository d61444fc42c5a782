"""The pages of limits: what is in force, in use and waiting, who holds what; forms to set, pause, resume and take back."""

from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from corral import json_codec
from corral.actions.access.principal import Principal, Role
from corral.actions.limits.limits import settable
from corral.limit_words import keys_in_words
from corral_publisher.pages import render
from corral_publisher.pages.visitor import Visitor, form_of
from corral_publisher.services import services_of
from corral_publisher.views import limits as limit_board

router = APIRouter(include_in_schema=False)

ROWS = 50
SETTABLE = ("total", "each", "rate", "per", "per_worker", "max_waiting", "on_full", "weights")
"""Values that the forms have fields for, where code declares them."""

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]


@router.get("/limits")
async def limits(request: Request, principal: Looker) -> Response:
    """All limits."""
    return render.page(
        request,
        "limits.html",
        principal,
        limits=await limit_board.all_limits(services_of(request)),
        may_act=principal.role.includes(Role.OPERATOR),
    )


@router.get("/limits/{name}")
async def limit(
    request: Request, name: str, principal: Looker, after: str = "", only_set: bool = False
) -> Response:
    """One limit, a page of its keys, and the forms that change it."""
    services = services_of(request)
    shown = await limit_board.one_limit(services, name)
    keys, following = await limit_board.keys_of(
        services, name, after=after, key=None, limit=ROWS, only_set=only_set
    )
    return render.page(
        request,
        "limit.html",
        principal,
        limit=shown,
        keys=keys,
        next_query=_query(following, only_set=only_set) if following else "",
        own=keys_in_words(shown["keys_set"], shown["keys_paused"]),
        only_set=only_set,
        settable=settable(shown["declared"], of_key=False),
        keyed=settable(shown["declared"], of_key=True),
        may_act=principal.role.includes(Role.OPERATOR),
    )


@router.post("/limits/{name}/{action}")
async def act(
    request: Request, name: str, action: str, principal: Annotated[Principal, Depends(Visitor(Role.OPERATOR))]
) -> Response:
    """Do what a form asks for, then show the limit."""
    services = services_of(request)
    form = await form_of(request, services)
    key, reason = _text(form.get("key")), _text(form.get("reason")) or None
    match action:
        case "pause":
            await services.limits.pause(name, principal.name, key=key, reason=reason)
        case "resume":
            await services.limits.resume(name, principal.name, key=key, reason=reason)
        case "reset":
            await services.limits.reset(name, principal.name, key=key, reason=reason)
        case "set":
            await services.limits.set(name, _numbers(form), principal.name, key=key, reason=reason)
        case _:
            return Response(status_code=404)
    return RedirectResponse(f"/limits/{quote(name)}", status_code=303)


def _query(after: str, *, only_set: bool) -> str:
    """The query of the page of keys behind this one."""
    return f"?{urlencode({'after': after} | ({'only_set': 'true'} if only_set else {}))}"


def _text(value: object) -> str | None:
    """A field of the form; None where the form has no such field."""
    return None if value is None else str(value)


def _numbers(form: FormData) -> dict[str, Any]:
    """The values of the form that were filled in; what is no number is refused where it is set."""
    filled = {name: str(form.get(name) or "").strip() for name in SETTABLE}
    return {name: _number(text) for name, text in filled.items() if text}


def _number(text: str) -> Any:
    try:
        return json_codec.loads(text)
    except ValueError:
        return text
