"""Areas and lengths on the ellipsoid of WGS 84: an area in square degrees means nothing. Imports pyproj.

Source: C. F. F. Karney, Algorithms for geodesics, J. Geodesy 87 (2013), as GeographicLib in PROJ.
"""

from typing import Final

import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from corral_jobs.area.box import Box

EARTH: Final = pyproj.Geod(ellps="WGS84")
STEP_DEGREES: Final = 0.05
"""A parallel is no geodesic: the sides of a box are followed in such steps."""


def area_of(geometry: BaseGeometry) -> float:
    """Square metres of polygons in degrees, their sides geodesics; holes are left out."""
    return sum(
        abs(float(EARTH.geometry_area_perimeter(shapely.orient_polygons(part))[0]))
        for part in shapely.get_parts(geometry)
        if int(shapely.get_dimensions(part)) == 2
    )


def length_of(geometry: BaseGeometry) -> float:
    """Metres of lines in degrees."""
    return float(EARTH.geometry_length(geometry))


def polygon_of(box: Box) -> BaseGeometry:
    """The box as a polygon that follows its parallels; beyond 180 degrees where it crosses the antimeridian."""
    plain = shapely.box(box.west, box.south, box.west + box.width, box.north)
    return shapely.segmentize(plain, max_segment_length=STEP_DEGREES)
