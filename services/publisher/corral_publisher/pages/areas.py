"""The pages of areas: a list with a form, and one area with its drawing; JSON for programs at the same addresses."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.errors import InvalidInput
from corral_publisher.openapi import PREFIX
from corral_publisher.pages import render
from corral_publisher.pages.visitor import VisitorOrProgram, form_of, is_form
from corral_publisher.requests import parameters
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.responses.json_response import answer
from corral_publisher.routes import areas as api
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views.areas import list_areas, one_area

router = APIRouter(include_in_schema=False)

SIDES = ("south", "west", "north", "east")
Looker = Annotated[Principal, Depends(VisitorOrProgram(Role.VIEWER))]
Actor = Annotated[Principal, Depends(VisitorOrProgram(Role.OPERATOR))]


@router.get("/areas")
async def areas(request: Request, principal: Looker) -> Response:
    """All areas, and a form to fetch one."""
    if not wants_html(request):
        return await api.listed(request, parameters.cursor(request.query_params))
    return await _page(request, principal)


@router.post("/areas")
async def start(request: Request, principal: Actor) -> Response:
    """Fetch an area: from the form, or as JSON."""
    if not is_form(request):
        return await api.started(request, principal)
    form = {
        name: str(value).strip() for name, value in (await form_of(request, services_of(request))).items()
    }
    try:
        stored = await api.started(request, principal, _request(form))
    except InvalidInput as error:
        return await _page(request, principal, wrong=str(error), given=form)
    return RedirectResponse(stored.headers["Location"].removeprefix(PREFIX), status_code=303)


@router.get("/areas/{area_id}")
async def area(request: Request, area_id: str, principal: Looker) -> Response:
    """One area with its drawing."""
    found = await one_area(services_of(request), parameters.job_id(area_id))
    if not wants_html(request):
        return answer(found.json())
    return render.page(request, "area.html", principal, area=found)


async def live_area(request: Request, services: PublisherServices, principal: Principal) -> str:
    """One area, updated live."""
    found = await one_area(services, parameters.job_id(request.path_params["area_id"]))
    return render.fragment(request, "_area.html", principal, area=found)


async def live_areas(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The list, updated live."""
    page = await list_areas(services, parameters.cursor(request.query_params))
    return render.fragment(request, "_areas.html", principal, areas=page.items)


async def _page(
    request: Request, principal: Principal, *, wrong: str | None = None, given: dict[str, str] | None = None
) -> Response:
    cursor = parameters.cursor(request.query_params) if request.method == "GET" else None
    page = await list_areas(services_of(request), cursor)
    return render.page(
        request,
        "areas.html",
        principal,
        status=200 if wrong is None else 422,
        areas=page.items,
        next=page.next,
        wrong=wrong,
        given=given or {},
        query_string=f"?cursor={cursor}" if cursor else "",
        may_act=principal.role.includes(Role.OPERATOR),
    )


def _request(form: dict[str, str]) -> dict[str, Any]:
    """The request of a filled-in form; what is no number is refused where it is judged."""
    value: dict[str, Any] = {side: _number(form.get(side, "")) for side in SIDES}
    key, _, tag = form.get("tag", "").partition("=")
    value["tags"] = {key.strip(): tag.strip() or "*"} if key else {}
    if form.get("provider"):
        value["provider"] = form["provider"]
    return value


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text
