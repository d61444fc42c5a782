"""GET /stats: counts of jobs, and how long they waited and ran."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from corral.bounded import Bounded
from corral.job.bounds import Bounds
from corral.store.statistics.stats import WindowRow
from corral_publisher.models.responses import Stats
from corral_publisher.openapi import PREFIX, failures
from corral_publisher.requests.api_route import ApiRoute
from corral_publisher.requests.auth import Viewer
from corral_publisher.responses.json_response import answer
from corral_publisher.services import services_of

router = APIRouter(prefix=PREFIX, tags=["stats"], route_class=ApiRoute)

WINDOW = Bounds(60, 30 * 24 * 3600, "seconds")


@router.get(
    "/stats", summary="Counts, throughput, percentiles", responses={200: {"model": Stats}, **failures()}
)
async def stats(
    request: Request,
    _: Viewer,
    window: Annotated[float, Bounded(WINDOW), Query(description="Seconds to look back.")] = 3600,
) -> Response:
    """`counts` are of now. `groups` are the jobs that ended within the window, in whole minutes, by queue and type."""
    services = services_of(request)
    rows = await services.store.stats.window(window, by="queue-and-type")
    counts = await services.counts.totals()
    return answer({"counts": counts, "window": window, "groups": [_group(row) for row in rows]})


def _group(row: WindowRow) -> dict[str, Any]:
    return {
        "queue": row.queue,
        "type": row.type,
        "ended": sum(row.outcomes.get(outcome, 0) for outcome in ("completed", "failed", "cancelled")),
        "outcomes": row.outcomes,
        "throughput": row.per_second,
        "wait": row.wait,
        "run": row.run,
    }
