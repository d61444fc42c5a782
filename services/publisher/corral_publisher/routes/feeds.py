"""Feeds: sources with their health, their items, pausing, resuming and removing them, and OPML."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.actions.json_value import faults
from corral.errors import FieldError, NotFound
from corral.feeds.opml import write_opml
from corral.feeds.source import FeedSource, SourceState
from corral.ids import parse_id
from corral_publisher import parameters
from corral_publisher.auth import Admin, Operator, Viewer
from corral_publisher.feed_models import FeedItemPage, FeedPage, FeedPatch, FeedView, feed_view, item_view
from corral_publisher.json_response import answer
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.routes.imports import Limit
from corral_publisher.routes.queues import checked
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["feeds"])

_ONE = {200: {"model": FeedView}, **failures(404)}
MAX_SEARCH = 200
"""Characters of a text that is looked for."""
Search = Annotated[str | None, Query(max_length=MAX_SEARCH, description="Part of a text.")]
State = Annotated[SourceState | None, Query(description="Only sources in this state.")]


@router.get("/feeds", summary="All feeds", responses={200: {"model": FeedPage}, **failures(422)})
async def list_feeds(
    request: Request, _: Viewer, limit: Limit = 50, state: State = None, search: Search = None
) -> Response:
    """List sources, newest first, with their health and the time of the next fetch."""
    store, text = services_of(request).store, searched(search)
    before = parameters.cursor(request.query_params)
    found = await store.feeds.page(before=before, state=state, search=text, limit=limit)
    return answer(
        {"items": [feed_view(one) for one in found], "next": found[-1].id if len(found) == limit else None}
    )


@router.get(
    "/feeds/opml",
    summary="All feeds as OPML",
    responses={200: {"content": {"text/x-opml": {"schema": {"type": "string"}}}}, **failures()},
)
async def export_opml(request: Request, _: Viewer) -> Response:
    """Return the feeds that are active as a list that feed readers import."""
    feeds = await services_of(request).store.feeds.active()
    text = "".join(write_opml((one.url, one.title, one.site) for one in feeds))
    headers = {"Content-Disposition": 'attachment; filename="feeds.opml"'}
    return Response(text, media_type="text/x-opml; charset=utf-8", headers=headers)


@router.get("/feeds/{feed_id}", summary="One feed", responses=_ONE)
async def get_feed(request: Request, feed_id: str, _: Viewer) -> Response:
    """Return the source as it is now."""
    return _answer(await services_of(request).imports.source(id_of(feed_id)))


@router.get(
    "/feeds/{feed_id}/items",
    summary="Its items",
    responses={200: {"model": FeedItemPage}, **failures(404, 422)},
)
async def list_items(
    request: Request, feed_id: str, _: Viewer, limit: Limit = 50, search: Search = None
) -> Response:
    """List items, newest first; `search` is part of the title, the guid, the link or the text."""
    services, text = services_of(request), searched(search)
    source = await services.imports.source(id_of(feed_id))
    before = parameters.cursor(request.query_params)
    found = await services.store.feed_items.page(source.id, before=before, search=text, limit=limit)
    return answer(
        {"items": [item_view(one) for one in found], "next": found[-1].id if len(found) == limit else None}
    )


@router.patch(
    "/feeds/{feed_id}",
    summary="Set its interval",
    openapi_extra=body(FeedPatch),
    responses={**_ONE, **failures(400, 404, 408, 413, 422)},
)
async def patch_feed(request: Request, feed_id: str, caller: Operator) -> Response:
    """Set the seconds between two fetches; a server that asks for a longer wait gets it."""
    services = services_of(request)
    patch = checked(FeedPatch, await read_json(request, services))
    return _answer(await services.store.feeds.set_interval(id_of(feed_id), patch.interval, caller.name))


@router.post("/feeds/{feed_id}/pause", summary="Pause it", responses=_ONE)
async def pause_feed(request: Request, feed_id: str, caller: Operator) -> Response:
    """Fetch it no more until it is resumed. Items that are submitted already are stored."""
    return _answer(await services_of(request).store.feeds.pause(id_of(feed_id), caller.name))


@router.post("/feeds/{feed_id}/resume", summary="Resume it", responses=_ONE)
async def resume_feed(request: Request, feed_id: str, caller: Operator) -> Response:
    """Fetch it again, also where its server said that it is gone."""
    return _answer(await services_of(request).store.feeds.resume(id_of(feed_id), caller.name))


@router.delete("/feeds/{feed_id}", summary="Remove it", status_code=204, responses=failures(404))
async def remove_feed(request: Request, feed_id: str, caller: Admin) -> Response:
    """Remove the source and its items for good."""
    await services_of(request).store.feeds.remove(id_of(feed_id), caller.name)
    return Response(status_code=204)


def id_of(text: str) -> UUID:
    """The id of a source in a path.

    Raises:
        NotFound: the text is no id, so there is no such source.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound("feed", text[:100])
    return found


def searched(text: str | None) -> str | None:
    """The text that is looked for; None: everything.

    Raises:
        InvalidParameter: Postgres can't hold it.
    """
    if text is not None and (wrong := next(faults(text, "search"), None)) is not None:
        raise parameters.InvalidParameter(FieldError("search", wrong.message))
    return text or None


def _answer(source: FeedSource) -> Response:
    return answer(feed_view(source))
