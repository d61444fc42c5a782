"""The pages of feeds, at the addresses where programs get and send JSON."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from corral.actions.access.principal import Principal, Role
from corral.errors import InvalidInput
from corral.feeds.source import INTERVAL
from corral_publisher.models.feeds import health_of
from corral_publisher.pages import render
from corral_publisher.pages.imports import choice_of
from corral_publisher.pages.visitor import Visitor, VisitorOrProgram, form_of, is_form
from corral_publisher.requests import parameters
from corral_publisher.requests.negotiation import wants_html
from corral_publisher.routes import feeds as feed_routes
from corral_publisher.services import PublisherServices, services_of

router = APIRouter(include_in_schema=False)

ROWS = 50
Looker = Annotated[Principal, Depends(VisitorOrProgram(Role.VIEWER))]
Actor = Annotated[Principal, Depends(VisitorOrProgram(Role.OPERATOR))]
Remover = Annotated[Principal, Depends(VisitorOrProgram(Role.ADMIN))]


@router.get("/feeds")
async def feeds(request: Request, principal: Looker) -> Response:
    """All sources with their health."""
    if not wants_html(request):
        query = request.query_params
        return await feed_routes.list_feeds(
            request, principal, search=query.get("search"), url=query.get("url")
        )
    return await _feeds_page(request, principal)


@router.post("/feeds")
async def follow(request: Request, principal: Actor) -> Response:
    """Follow feeds: from the form, or as JSON."""
    services = services_of(request)
    if not is_form(request):
        return await feed_routes.add_feeds(request, principal)
    form = await form_of(request, services)
    try:
        await services.imports.follow(await choice_of(form), principal)
    except InvalidInput as error:
        return await _feeds_page(request, principal, wrong=str(error), urls=str(form.get("urls") or ""))
    finally:
        await form.close()
    return RedirectResponse("/feeds", status_code=303)


@router.get("/feeds/counts")
async def counts(request: Request, principal: Looker) -> Response:
    """Feeds and their jobs per state, for programs."""
    return await feed_routes.count_feeds(request, principal)


@router.post("/feeds/clean")
async def clean(request: Request, principal: Remover) -> Response:
    """Remove ended jobs, for programs."""
    return await feed_routes.clean_jobs(request, principal)


@router.get("/feeds/opml")
async def opml(request: Request, principal: Looker) -> Response:
    """The list of active feeds, as feed readers import it."""
    return await feed_routes.export_opml(request, principal)


@router.get("/feeds/{feed_id}")
async def feed(request: Request, feed_id: str, principal: Looker) -> Response:
    """One source with its items."""
    if not wants_html(request):
        return await feed_routes.get_feed(request, feed_id, principal)
    return await _feed_page(request, feed_id, principal)


async def _feed_page(
    request: Request, feed_id: str, principal: Principal, *, wrong: str | None = None, interval: str = ""
) -> Response:
    """`interval`: what somebody entered that is wrong, to be mended."""
    services = services_of(request)
    source = await services.imports.source(feed_routes.id_of(feed_id))
    search = feed_routes.searched(request.query_params.get("search"))
    before = parameters.cursor(request.query_params)
    items = await services.store.feed_items.page(source.id, before=before, search=search, limit=ROWS)
    return render.page(
        request,
        "feed.html",
        principal,
        status=200 if wrong is None else 422,
        wrong=wrong,
        interval=interval or f"{source.interval:.15g}",
        intervals=(f"{INTERVAL.least:.15g}", f"{INTERVAL.most:.15g}"),
        feed=source,
        health=health_of(source),
        items=items,
        search=search or "",
        next=items[-1].id if len(items) == ROWS else None,
        may_act=principal.role.includes(Role.OPERATOR),
        may_remove=principal.role.includes(Role.ADMIN),
    )


@router.get("/feeds/{feed_id}/items")
async def items_as_json(request: Request, feed_id: str, principal: Looker) -> Response:
    """The items for programs; a browser is shown the page of the feed."""
    if wants_html(request):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"/feeds/{feed_routes.id_of(feed_id)}{query}", status_code=303)
    search = request.query_params.get("search")
    return await feed_routes.list_items(request, feed_id, principal, search=search)


@router.delete("/feeds/{feed_id}")
async def remove(request: Request, feed_id: str, principal: Remover) -> Response:
    """Remove a source, for programs."""
    return await feed_routes.remove_feed(request, feed_id, principal)


@router.post("/feeds/{feed_id}/pause")
async def pause(request: Request, feed_id: str, principal: Actor) -> Response:
    """Pause a source: from its form, or for programs."""
    return await _changed(request, feed_id, principal, feed_routes.pause_feed)


@router.post("/feeds/{feed_id}/resume")
async def resume(request: Request, feed_id: str, principal: Actor) -> Response:
    """Resume a source: from its form, or for programs."""
    return await _changed(request, feed_id, principal, feed_routes.resume_feed)


@router.post("/feeds/{feed_id}/import")
async def import_now(request: Request, feed_id: str, principal: Actor) -> Response:
    """Import one source: from its form, or for programs."""
    services = services_of(request)
    if not is_form(request):
        return await feed_routes.import_feed(request, feed_id, principal)
    await form_of(request, services)
    one = await services.imports.fetch(feed_routes.id_of(feed_id), principal)
    return RedirectResponse(f"/imports/{one.id}", status_code=303)


@router.post("/feeds/{feed_id}/interval")
async def set_interval(
    request: Request, feed_id: str, principal: Annotated[Principal, Depends(Visitor(Role.OPERATOR))]
) -> Response:
    """Set the seconds between two fetches, from its form."""
    services = services_of(request)
    text = str((await form_of(request, services)).get("interval") or "").strip()
    seconds = _number(text)
    fault = INTERVAL.fault(text if seconds is None else seconds)
    if seconds is None or fault is not None:
        wrong = f"The interval {fault}"
        return await _feed_page(request, feed_id, principal, wrong=wrong, interval=text[:20])
    await services.store.feeds.set_interval(feed_routes.id_of(feed_id), seconds, principal.name)
    return RedirectResponse(f"/feeds/{feed_routes.id_of(feed_id)}", status_code=303)


@router.post("/feeds/{feed_id}/remove")
async def remove_by_form(
    request: Request, feed_id: str, principal: Annotated[Principal, Depends(Visitor(Role.ADMIN))]
) -> Response:
    """Remove a source, from its form."""
    services = services_of(request)
    await form_of(request, services)
    await services.store.feeds.remove(feed_routes.id_of(feed_id), principal.name)
    return RedirectResponse("/feeds", status_code=303)


async def live_feeds(request: Request, services: PublisherServices, principal: Principal) -> str:  # noqa: ARG001  as the others
    """The sources, updated live."""
    return render.fragment(request, "_feeds.html", principal, **await _feeds_values(request, principal))


async def _feeds_page(
    request: Request, principal: Principal, *, wrong: str | None = None, urls: str = ""
) -> Response:
    values = await _feeds_values(request, principal)
    status = 200 if wrong is None else 422
    return render.page(request, "feeds.html", principal, status=status, wrong=wrong, urls=urls, **values)


async def _feeds_values(request: Request, principal: Principal) -> dict[str, Any]:
    search = feed_routes.searched(request.query_params.get("search"))
    before = parameters.cursor(request.query_params)
    store = services_of(request).store
    found = await store.feeds.page(before=before, search=search, limit=ROWS)
    return {
        "feeds": [(source, health_of(source)) for source in found],
        "counts": await store.due_feeds.counts(),
        "search": search or "",
        "query_string": f"?{request.url.query}" if request.url.query else "",
        "next": found[-1].id if len(found) == ROWS else None,
        "may_act": principal.role.includes(Role.OPERATOR),
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


async def _changed(
    request: Request,
    feed_id: str,
    principal: Principal,
    change: Callable[[Request, str, Principal], Awaitable[Response]],
) -> Response:
    if not is_form(request):
        return await change(request, feed_id, principal)
    await form_of(request, services_of(request))
    await change(request, feed_id, principal)
    return RedirectResponse(f"/feeds/{feed_routes.id_of(feed_id)}", status_code=303)
