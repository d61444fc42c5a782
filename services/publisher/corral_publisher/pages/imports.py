"""The pages of imports of feeds, at the addresses where programs get and send JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.actions.feed_imports import FeedChoice
from corral.errors import InvalidInput
from corral_publisher.pages import render
from corral_publisher.pages.visitor import VisitorOrProgram, form_of, is_form
from corral_publisher.requests import parameters
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.routes import feeds as feed_routes
from corral_publisher.routes import imports as import_routes
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

ROWS = 50
SHOWN_SOURCES = 200
"""Feeds that are listed on the page of one import; failed ones first."""
Looker = Annotated[Principal, Depends(VisitorOrProgram(Role.VIEWER))]
Actor = Annotated[Principal, Depends(VisitorOrProgram(Role.OPERATOR))]


@router.get("/imports")
async def imports(request: Request, principal: Looker) -> Response:
    """The history of imports, and a form to start one; JSON for programs."""
    if not wants_html(request):
        return await import_routes.listed(request, parameters.cursor(request.query_params))
    return await _imports_page(request, principal)


@router.post("/imports")
@router.post("/imports/start")
async def start(request: Request, principal: Actor) -> Response:
    """Start an import: from the form, or as JSON."""
    services = services_of(request)
    if not is_form(request):
        return await import_routes.started(request, principal)
    form = await form_of(request, services)
    try:
        one = await services.imports.start(await choice_of(form), principal)
    except InvalidInput as error:
        return await _imports_page(request, principal, wrong=str(error), urls=str(form.get("urls") or ""))
    finally:
        await form.close()
    return RedirectResponse(f"/imports/{one.id}", status_code=303)


@router.get("/imports/{import_id}")
async def one_import(request: Request, import_id: str, principal: Looker) -> Response:
    """One import with what came of each of its feeds."""
    if not wants_html(request):
        return await import_routes.detail(request, import_id)
    values = await _import_values(services_of(request), import_id)
    return render.page(request, "import.html", principal, **values)


async def live_imports(request: Request, services: PublisherServices, principal: Principal) -> str:
    """The history, updated live."""
    return render.fragment(
        request, "_imports.html", principal, imports=await _running_first(services, request)
    )


async def live_import(request: Request, services: PublisherServices, principal: Principal) -> str:
    """One import, updated live."""
    values = await _import_values(services, request.path_params["import_id"])
    return render.fragment(request, "_import.html", principal, **values)


async def _imports_page(
    request: Request, principal: Principal, *, wrong: str | None = None, urls: str = ""
) -> Response:
    shown = await _running_first(services_of(request), request)
    return render.page(
        request,
        "imports.html",
        principal,
        status=200 if wrong is None else 422,
        imports=shown,
        wrong=wrong,
        urls=urls,
        query_string=f"?{request.url.query}" if request.method == "GET" and request.url.query else "",
        next=shown[-1].id if len(shown) == ROWS else None,
        may_act=principal.role.includes(Role.OPERATOR),
    )


async def _running_first(services: PublisherServices, request: Request) -> list[Any]:
    """One page of the history; those that still run are looked at closely, so that lost jobs are counted."""
    before = parameters.cursor(request.query_params) if request.method == "GET" else None
    found = await services.store.imports.page(before=before, limit=ROWS)
    return [await import_routes.settled(request, one) for one in found]


async def _import_values(services: PublisherServices, import_id: str) -> dict[str, Any]:
    one = await services.imports.get(feed_routes.id_of(import_id))
    sources = await services.store.imports.sources(one.id)
    sources.sort(key=lambda source: (source.outcome != "failed", source.outcome is not None))
    return {"one": one, "sources": sources[:SHOWN_SOURCES], "more": max(0, len(sources) - SHOWN_SOURCES)}


async def choice_of(form: FormData) -> FeedChoice:
    """The addresses of the form, one on each line, and its file of OPML."""
    urls = [line.strip() for line in str(form.get("urls") or "").splitlines() if line.strip()]
    file = form.get("opml")
    opml = None
    if file is not None and not isinstance(file, str) and file.size:
        opml = (await file.read()).decode("utf-8", "replace")
    return FeedChoice(urls, [f"line {number}" for number in range(1, len(urls) + 1)], opml)
