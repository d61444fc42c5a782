"""Limits: what is in force, in use and waiting; setting values, pausing, resuming, taking back."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal
from corral.actions.limits.limits import MAX_VALUE, LimitActions
from corral_publisher.models.limits import LimitDetails, LimitKeyPage, LimitPage
from corral_publisher.models.options import LimitOrder, LimitPatch
from corral_publisher.openapi import PREFIX, body, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Operator, Viewer
from corral_publisher.requests.checked import checked
from corral_publisher.responses.json_response import answer
from corral_publisher.routes.submission import read_json
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views import limits as limit_board

router = APIRouter(prefix=PREFIX, tags=["limits"], route_class=ApiRoute)

_ONE = {200: {"model": LimitDetails}, **failures(404)}
_CHANGED = {200: {"model": LimitDetails}, **failures(400, 404, 408, 413)}


@router.get("/limits", summary="All limits", responses={200: {"model": LimitPage}, **failures()})
async def list_limits(request: Request, _: Viewer) -> Response:
    """List every limit that code declares, with what is in force, in use and waiting."""
    return answer({"items": await limit_board.all_limits(services_of(request)), "next": None})


@router.get("/limits/{name}", summary="One limit", responses=_ONE)
async def get_limit(request: Request, name: str, _: Viewer) -> Response:
    """Return the limit as it is now, with the jobs that hold its total."""
    return answer(await limit_board.one_limit(services_of(request), name))


@router.get(
    "/limits/{name}/keys",
    summary="Its keys",
    responses={200: {"model": LimitKeyPage}, **failures(404)},
)
async def list_keys(
    request: Request,
    name: str,
    _: Viewer,
    *,
    cursor: Annotated[str, Query(max_length=1000, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    key: Annotated[
        str | None, Query(min_length=1, max_length=MAX_VALUE, description="Only this key.")
    ] = None,
    only_set: Annotated[
        bool, Query(description="Only keys with values of their own, and those that are paused.")
    ] = False,
) -> Response:
    """List the keys that something uses, waits for or was set for, with the jobs that hold them."""
    items, after = await limit_board.keys_of(
        services_of(request), name, after=cursor, key=key, limit=limit, only_set=only_set
    )
    return answer({"items": items, "next": after})


@router.patch("/limits/{name}", summary="Set its values", openapi_extra=body(LimitPatch), responses=_CHANGED)
async def patch_limit(request: Request, name: str, caller: Operator) -> Response:
    """Set values over those that code declares, for all or for one key. Lower ones only stop starts."""
    services = services_of(request)
    patch = checked(LimitPatch, await read_json(request, services))
    await services.limits.set(name, patch.overrides, caller.name, key=patch.key, reason=patch.reason)
    return await _answer(services, name)


@router.post(
    "/limits/{name}/pause",
    summary="Pause it",
    openapi_extra=body(LimitOrder, required=False),
    responses=_CHANGED,
)
async def pause(request: Request, name: str, caller: Operator) -> Response:
    """Stop claims: once this is answered, no job that takes from it starts. Running jobs go on."""
    return await _obey(request, name, caller, LimitActions.pause)


@router.post(
    "/limits/{name}/resume",
    summary="Resume it",
    openapi_extra=body(LimitOrder, required=False),
    responses=_CHANGED,
)
async def resume(request: Request, name: str, caller: Operator) -> Response:
    """Let jobs that take of it start again: a pause ends, and a wait that a provider asked for."""
    return await _obey(request, name, caller, LimitActions.resume)


@router.post(
    "/limits/{name}/reset",
    summary="Remove what an operator set",
    openapi_extra=body(LimitOrder, required=False),
    responses=_CHANGED,
)
async def reset(request: Request, name: str, caller: Operator) -> Response:
    """Take back every value that was set: what code declares is in force. A pause stays."""
    return await _obey(request, name, caller, LimitActions.reset)


async def _obey(
    request: Request, name: str, caller: Principal, action: Callable[..., Awaitable[object]]
) -> Response:
    """Do this to the limit, or to the key that the order names; the limit as it is then."""
    services = services_of(request)
    order = await _order(request, services)
    await action(services.limits, name, caller.name, key=order.key, reason=order.reason)
    return await _answer(services, name)


async def _order(request: Request, services: PublisherServices) -> LimitOrder:
    """The body of an order; without one the whole limit is meant."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return LimitOrder()
    return checked(LimitOrder, await read_json(request, services))


async def _answer(services: PublisherServices, name: str) -> Response:
    return answer(await limit_board.one_limit(services, name))
