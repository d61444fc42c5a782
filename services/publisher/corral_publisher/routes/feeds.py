"""Feeds: sources with their health, their items, pausing, resuming and removing them, and OPML."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.actions.existing import existing
from corral.actions.feed_imports import MAX_URL, QUEUES
from corral.actions.submissions.json_value import faults
from corral.errors import FieldError, NotFound
from corral.feeds.opml import write_opml
from corral.feeds.source import FeedSource, SourceState
from corral.ids import parse_id
from corral.job.state import State as JobState
from corral_publisher.models.feeds import (
    FeedCounts,
    FeedItemPage,
    FeedPage,
    FeedPatch,
    FeedView,
    ImportView,
    NewFeeds,
    feed_view,
    import_view,
    item_view,
)
from corral_publisher.models.requests import Clean
from corral_publisher.models.responses import Cleaned
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests import parameters
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Admin, Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.requests.parameters import Cursor, Limit
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.imports import choice_of
from corral_publisher.routes.submission import read_json
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["feeds"], route_class=ApiRoute)

_ONE = {200: {"model": FeedView}, **failures(404)}
MAX_SEARCH = 200
"""Characters of a text that is looked for."""
Search = Annotated[str | None, Query(max_length=MAX_SEARCH, description="Part of a text.")]
State = Annotated[SourceState | None, Query(description="Only sources in this state.")]


@router.get("/feeds", summary="All feeds", responses={200: {"model": FeedPage}, **failures()})
async def list_feeds(
    request: Request,
    _: Viewer,
    *,
    limit: Limit = 50,
    before: Cursor = None,
    state: State = None,
    search: Search = None,
    url: Annotated[str | None, Query(max_length=MAX_URL, description="The address of one.")] = None,
) -> Response:
    """List sources, newest first, with their health and the time of the next fetch."""
    if url is not None:
        one = await services_of(request).imports.find(searched(url, "url") or "")
        return answer({"items": [] if one is None else [feed_view(one)], "next": None})
    store, text = services_of(request).store, searched(search)
    found = await store.feeds.page(before=before, state=state, search=text, limit=limit)
    return answer(
        {"items": [feed_view(one) for one in found], "next": found[-1].id if len(found) == limit else None}
    )


@router.post(
    "/feeds",
    summary="Follow feeds",
    status_code=201,
    openapi_extra=body(NewFeeds),
    responses={201: {"model": FeedPage}, **failures(400, 408, 413)},
)
async def add_feeds(request: Request, caller: Operator) -> Response:
    """Store sources, once for each address; the leader fetches them within a second, and again when they are due.

    A source that is known stays as it is, but for the interval; one that was gone is fetched again.
    """
    services = services_of(request)
    wanted = checked(NewFeeds, await read_json(request, services))
    added = await services.imports.follow(choice_of(wanted), caller, interval=wanted.interval)
    return answer({"items": [feed_view(one) for one in added], "next": None}, 201)


@router.get(
    "/feeds/counts",
    summary="Feeds and their jobs per state",
    responses={200: {"model": FeedCounts}, **failures()},
)
async def count_feeds(request: Request, _: Viewer) -> Response:
    """Count feeds per state, and the jobs that fetch them and store their items."""
    services = services_of(request)
    queues = await services.counts.by_queue()
    jobs = {queue: {state: queues.get(queue, {}).get(state, 0) for state in JobState} for queue in QUEUES}
    return answer({"feeds": await services.store.due_feeds.counts(), "jobs": jobs})


@router.post(
    "/feeds/clean",
    summary="Remove ended jobs of feeds for good",
    openapi_extra=body(Clean),
    responses={200: {"model": Cleaned}, **failures(400, 408, 413)},
)
async def clean_jobs(request: Request, caller: Admin) -> Response:
    """Remove ended jobs that fetched feeds or stored items, by state and age. Feeds and items stay."""
    services = services_of(request)
    wanted = checked(Clean, await read_json(request, services))
    states = [JobState(state) for state in wanted.states]
    removed, more = 0, False
    for queue in QUEUES:
        with suppress(NotFound):  # no job was ever submitted to it
            count, left = await services.queues.clean(queue, states, wanted.older_than, caller.name)
            removed, more = removed + count, more or left
    return answer({"removed": removed, "more": more})


@router.get(
    "/feeds/opml",
    summary="All feeds as OPML",
    responses={200: {"content": {"text/x-opml": {"schema": {"type": "string"}}}}, **failures()},
)
async def export_opml(request: Request, _: Viewer) -> Response:
    """Return the feeds that are active as a list that feed readers import."""
    feeds = await services_of(request).store.feeds.all_active()
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
    responses={200: {"model": FeedItemPage}, **failures(404)},
)
async def list_items(
    request: Request,
    feed_id: str,
    _: Viewer,
    limit: Limit = 50,
    before: Cursor = None,
    search: Search = None,
) -> Response:
    """List items, newest first; `search` is part of the title, the guid, the link or the text."""
    services, text = services_of(request), searched(search)
    source = await services.imports.source(id_of(feed_id))
    found = await services.store.feed_items.page(source.id, before=before, search=text, limit=limit)
    return answer(
        {"items": [item_view(one) for one in found], "next": found[-1].id if len(found) == limit else None}
    )


@router.patch(
    "/feeds/{feed_id}",
    summary="Set its interval",
    openapi_extra=body(FeedPatch),
    responses={**_ONE, **failures(400, 404, 408, 413)},
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


@router.post(
    "/feeds/{feed_id}/import",
    summary="Fetch it now",
    status_code=202,
    responses={202: {"model": ImportView}, **failures(404)},
)
async def import_feed(request: Request, feed_id: str, caller: Operator) -> Response:
    """Import this one source; answered at once. One that is paused or gone is skipped."""
    one = await services_of(request).imports.fetch(id_of(feed_id), caller)
    return answer(import_view(one), 202, {"Location": f"{PREFIX}/imports/{one.id}"})


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
    return existing(parse_id(text), "feed", text[:100])


def searched(text: str | None, name: str = "search") -> str | None:
    """The text that is looked for; None: everything.

    Raises:
        InvalidParameter: Postgres can't hold it.
    """
    if text is not None and (wrong := next(faults(text, name), None)) is not None:
        raise parameters.InvalidParameter(FieldError(name, wrong.message))
    return text or None


def _answer(source: FeedSource) -> Response:
    return answer(feed_view(source))
