"""Imports of feeds: started, and looked at."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal
from corral.actions.existing import existing
from corral.actions.feed_imports import FeedChoice
from corral.feeds.feed_import import FeedImport
from corral.ids import parse_id
from corral_publisher.models.feeds import (
    ImportDetail,
    ImportPage,
    ImportRequest,
    ImportView,
    NewFeeds,
    import_view,
)
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests import body as request_body
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.requests.parameters import Cursor, Limit
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["feeds"], route_class=ApiRoute)


_START = {
    "status_code": 202,
    "openapi_extra": body(ImportRequest, required=False),
    "responses": {202: {"model": ImportView}, **failures(400, 408, 409, 413)},
}


@router.post("/imports", summary="Import feeds", **_START)  # type: ignore[arg-type]  # keywords of several types
async def start_import(request: Request, caller: Operator) -> Response:
    """Fetch feeds and store their items; answered at once. `url`, `urls` and `opml` may be given together.

    Without any of them every feed that is active is fetched. A feed is stored as a source, once for each address.
    """
    return await started(request, caller)


@router.post("/imports/start", summary="Import feeds", **_START)  # type: ignore[arg-type]  # as above
async def start_import_too(request: Request, caller: Operator) -> Response:
    """Do the same as `POST /imports`."""
    return await started(request, caller)


@router.get(
    "/imports", summary="The history of imports", responses={200: {"model": ImportPage}, **failures()}
)
async def list_imports(request: Request, _: Viewer, limit: Limit = 50, before: Cursor = None) -> Response:
    """List imports with their counts, newest first."""
    return await listed(request, before, limit)


@router.get(
    "/imports/{import_id}", summary="One import", responses={200: {"model": ImportDetail}, **failures(404)}
)
async def get_import(request: Request, import_id: str, _: Viewer) -> Response:
    """Return the import as it is now, with what came of each of its feeds."""
    return await detail(request, import_id)


async def started(request: Request, caller: Principal) -> Response:
    """Start an import as the body says."""
    services = services_of(request)
    raw = await request_body.read(
        request.receive,
        request.headers,
        limit=services.settings.max_body_bytes,
        seconds=services.settings.body_timeout,
    )
    wanted = checked(ImportRequest, request_body.parse_from(request, raw) if raw.strip() else {})
    one = await services.imports.start(choice_of(wanted), caller)
    return answer(import_view(one), 202, {"Location": f"{PREFIX}/imports/{one.id}"})


async def listed(request: Request, before: UUID | None, limit: int = 50) -> Response:
    """One page of the history."""
    store = services_of(request).store
    found = await store.imports.page(before=before, limit=limit)
    items = [import_view(await settled(request, one)) for one in found]
    return answer({"items": items, "next": found[-1].id if len(found) == limit else None})


async def settled(request: Request, one: FeedImport) -> FeedImport:
    """An import of a list; one that still runs is looked at closely, so that lost jobs are counted."""
    return one if one.finished_at else await services_of(request).imports.get(one.id)


async def detail(request: Request, import_id: str) -> Response:
    """One import with its feeds."""
    services = services_of(request)
    found = existing(parse_id(import_id), "import", import_id[:100])
    one = await services.imports.get(found)
    return answer(import_view(one) | {"feeds": await services.store.imports.sources(found)})


def choice_of(wanted: ImportRequest | NewFeeds) -> FeedChoice:
    """The choice in a body, each address with its place."""
    urls, pointers = [], []
    if wanted.url is not None:
        urls.append(wanted.url)
        pointers.append("/url")
    for index, url in enumerate(wanted.urls or ()):
        urls.append(url)
        pointers.append(f"/urls/{index}")
    return FeedChoice(urls, pointers, wanted.opml)
