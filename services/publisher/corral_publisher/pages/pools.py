"""The pages of pools: each pool's size and chart, and all decisions with their reasons."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from corral.actions.access.principal import Principal, Role
from corral.errors import NotFound, Unavailable
from corral_publisher.pages import render
from corral_publisher.pages.pool_chart import PoolChart, chart_of
from corral_publisher.pages.visitor import Visitor
from corral_publisher.requests import parameters
from corral_publisher.services import PublisherServices, services_of
from corral_publisher.views.pools import PoolView

router = APIRouter(include_in_schema=False)

ROWS = 50
LONG_CHART_SECONDS = 600.0
"""Seconds of the chart on a pool's own page."""
SHOWN_DECISIONS = 3
"""Decisions shown below a pool."""

Looker = Annotated[Principal, Depends(Visitor(Role.VIEWER))]


@router.get("/pools")
async def pools(request: Request, principal: Looker) -> Response:
    """All pools."""
    services = services_of(request)
    return render.page(request, "pools.html", principal, pools=shown(services.pools.known()))


@router.get("/pools/{name}")
async def pool(request: Request, name: str, principal: Looker) -> Response:
    """One pool, and what was decided about it."""
    values = await _values(request, services_of(request), name)
    return render.page(request, "pool.html", principal, **values)


async def live_parts(request: Request, services: PublisherServices, principal: Principal) -> str:
    """All pools."""
    return render.fragment(request, "_pools.html", principal, pools=shown(services.pools.known()))


async def live_part(request: Request, services: PublisherServices, principal: Principal) -> str:
    """One pool, and the page of decisions that the address names."""
    name: str = request.path_params["name"]
    return render.fragment(request, "_pool_live.html", principal, **await _values(request, services, name))


def shown(views: Sequence[PoolView]) -> list[dict[str, Any]]:
    """Pools as their template wants them."""
    return [_shown(view, chart_of(view)) for view in views]


def _shown(view: PoolView, chart: PoolChart) -> dict[str, Any]:
    return {
        "view": view,
        "status": view.status,
        "chart": chart,
        "decisions": view.decisions[:SHOWN_DECISIONS],
    }


async def _values(request: Request, services: PublisherServices, name: str) -> dict[str, Any]:
    """The pool, where it is known, and its decisions. Raises NotFound and Unavailable."""
    cursor = parameters.cursor(request.query_params)
    page = await services.pools.history(name, cursor, ROWS)
    try:
        view = await services.pools.view(name)
    except (NotFound, Unavailable):
        if not page.items:
            raise
        view = None  # its decisions are kept
    return {
        "pool_name": name,
        "pool": None if view is None else _shown(view, chart_of(view, LONG_CHART_SECONDS)),
        "log": page.items,
        "first_page": cursor is None,
        "query_string": f"?cursor={cursor}" if cursor else "",
        "next_query": f"?cursor={page.next}" if page.next else "",
    }
