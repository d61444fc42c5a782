"""Areas: what OpenStreetMap has in a box, fetched from an Overpass-style provider, measured on the ellipsoid and drawn.

from corral_jobs.area import AreaRequest, fetch_area

Importing this package needs no geometry library: `handlers` does the work, in workers that have one.
"""

from corral_jobs.area.declaration import fetch_area, measure_area
from corral_jobs.area.request import AreaRequest, MeasureRequest
from corral_jobs.area.result import AreaDrawing, FetchedArea, MeasuredArea

__all__ = [
    "AreaDrawing",
    "AreaRequest",
    "FetchedArea",
    "MeasureRequest",
    "MeasuredArea",
    "fetch_area",
    "measure_area",
]
