"""Pools: how many workers each has, how many it should have, and why."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.scaling.decision_record import ScalingDecision
from corral_publisher.models.pools import DecisionPage, PoolAnswer, PoolPage
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Viewer
from corral_publisher.requests.parameters import Cursor
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of
from corral_publisher.views.pools import PoolView

router = APIRouter(prefix=PREFIX, tags=["pools"], route_class=ApiRoute)

DECISIONS = Bounds(1, 200, "decisions")


@router.get("/pools", summary="All pools", responses={200: {"model": PoolPage}, **failures()})
async def list_pools(request: Request, _: Viewer) -> Response:
    """List the pools as their autoscaler reported them a second ago. Reports about `stale` ones have stopped."""
    views = await services_of(request).pools.views()
    return answer({"items": [view_of(view) for view in views], "next": None})


@router.get("/pools/{name}", summary="One pool", responses={200: {"model": PoolAnswer}, **failures(404)})
async def get_pool(request: Request, name: str, _: Viewer) -> Response:
    """Return the pool as its autoscaler last reported it."""
    return answer(view_of(await services_of(request).pools.view(name)))


@router.get(
    "/pools/{name}/decisions",
    summary="What was decided about it",
    responses={200: {"model": DecisionPage}, **failures(404)},
)
async def list_decisions(
    request: Request,
    name: str,
    _: Viewer,
    limit: Annotated[int, Bounded(DECISIONS), Query(description="Decisions on one page.")] = 50,
    start: Cursor = None,
) -> Response:
    """List the changes of the pool's size or conditions, with reasons, newest first. They are kept for 30 days."""
    page = await services_of(request).pools.history(name, start, limit)
    return answer({"items": [decision_of(one) for one in page.items], "next": page.next})


def view_of(view: PoolView) -> dict[str, Any]:
    """A pool as the API shows it."""
    status = view.status
    times = {"at": moment(status.at), "last_scale_at": moment(status.last_scale_at)}
    return status.json() | times | {"stale": view.stale}


def decision_of(decision: ScalingDecision) -> dict[str, Any]:
    """A decision as the API shows it."""
    return decision.json() | {"at": moment(decision.at)}


def moment(seconds: float | None) -> datetime | None:
    """Unix seconds as a time."""
    return None if seconds is None else datetime.fromtimestamp(round(seconds, 3), UTC)
