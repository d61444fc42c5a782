"""The handlers of areas: one fetches, on the worker's event loop; one measures, in a process of its own."""

from typing import Final

from corral import json_codec
from corral.context import Context, SyncContext
from corral.errors import Discard
from corral_jobs.area.declaration import fetch_area, measure_area
from corral_jobs.area.fetch import Fetching
from corral_jobs.area.request import AreaRequest, MeasureRequest
from corral_jobs.area.result import FetchedArea, MeasuredArea

ELEMENTS: Final = "elements.json"
GEOJSON: Final = "area.geojson"


@fetch_area.handler
async def do_fetch(request: AreaRequest, ctx: Context) -> FetchedArea:
    """Fetch every piece, keep the elements as a file, and have them measured: that job is stored with this one's success."""
    fetching = Fetching(request, ctx)
    await fetching.run()
    await ctx.artifacts.put(ELEMENTS, json_codec.dumps(list(fetching.elements.values())), "application/json")
    box = request.model_dump(include={"south", "west", "north", "east", "tags"})
    measured_by = await ctx.then(measure_area, {**box, "fetched_by": str(ctx.job_id)})
    return FetchedArea(
        pieces=fetching.pieces,
        requests=fetching.requests,
        shared=fetching.shared,
        elements=len(fetching.elements),
        size_bytes=fetching.size,
        measured_by=measured_by,
    )


@measure_area.handler
def do_measure(request: MeasureRequest, ctx: SyncContext) -> MeasuredArea:
    """Measure what was fetched, and keep its shapes as GeoJSON."""
    from corral_jobs.area.measure import measured  # noqa: PLC0415  only children that measure load the libraries

    data = ctx.artifacts.get(ELEMENTS, job=request.fetched_by)
    if data is None:
        raise Discard(f"job {request.fetched_by} has no file {ELEMENTS}; it may have been removed")
    ctx.progress(10, "reading shapes")
    result, geojson = measured(json_codec.lenient(data), request.box)
    ctx.artifacts.put(GEOJSON, geojson, "application/geo+json")
    return result
