"""Measuring what was fetched: counts, areas on the ellipsoid, GeoJSON and a drawing. Imports shapely and pyproj."""

from collections.abc import Iterable
from typing import Any, Final

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from corral import json_codec
from corral_jobs.area.box import Box
from corral_jobs.area.drawing import drawing_of
from corral_jobs.area.geodesic import area_of, length_of, polygon_of
from corral_jobs.area.result import MeasuredArea, MeasuredShape
from corral_jobs.area.shape import Shape, shapes_of

LARGEST: Final = 10
DIGITS: Final = 7
"""Digits of a degree: some centimetres."""


def measured(elements: Iterable[Any], box: Box) -> tuple[MeasuredArea, bytes]:
    """What elements of OpenStreetMap measure, and their shapes as GeoJSON."""
    shapes, skipped = shapes_of(elements, box)
    polygons = [(shape, area_of(shape.geometry)) for shape in shapes if shape.kind == "polygon"]
    lines = [(shape, length_of(shape.geometry)) for shape in shapes if shape.kind == "line"]
    points = [(shape, 0.0) for shape in shapes if shape.kind == "point"]
    largest = sorted(polygons, key=lambda one: (-one[1], one[0].id))
    frame = polygon_of(box)
    covered = shapely.union_all([shape.geometry for shape, _ in polygons]).intersection(frame)
    result = MeasuredArea(
        features=len(shapes),
        polygons=len(polygons),
        lines=len(lines),
        points=len(points),
        skipped=skipped,
        area_m2=round(sum(area for _, area in polygons), 2),
        covered_m2=round(area_of(covered), 2),
        box_m2=round(area_of(frame), 2),
        length_m=round(sum(length for _, length in lines), 2),
        largest=[
            MeasuredShape(id=shape.id, name=shape.name, area_m2=round(area, 2))
            for shape, area in largest[:LARGEST]
        ],
        drawing=drawing_of([*polygons, *((shape, 0.0) for shape, _ in lines), *points], box),
    )
    return result, _geojson([*largest, *lines, *points])


def _geojson(shapes: Iterable[tuple[Shape, float]]) -> bytes:
    """Source: RFC 7946; section 3.1.9: what crosses the antimeridian is cut there."""
    features = [
        {
            "type": "Feature",
            "id": shape.id,
            "properties": {
                **shape.tags,
                **({"area_m2": round(size, 2)} if shape.kind == "polygon" else {}),
                **({"length_m": round(size, 2)} if shape.kind == "line" else {}),
            },
            "geometry": mapping(_rounded(cut(shape.geometry))),
        }
        for shape, size in shapes
    ]
    return json_codec.dumps({"type": "FeatureCollection", "features": features})


def cut(geometry: BaseGeometry) -> BaseGeometry:
    """The same with every longitude from -180 to 180: what lies beyond is cut off and moved."""
    west, _, east, _ = geometry.bounds
    if west >= -180 and east <= 180:
        return geometry
    parts = []
    for turn in (-360.0, 0.0, 360.0):
        part = geometry.intersection(shapely.box(-180 + turn, -90, 180 + turn, 90))
        if not part.is_empty:
            parts.append(shapely.transform(part, lambda points, turn=turn: points - (turn, 0)))
    return shapely.union_all(parts)


def _rounded(geometry: BaseGeometry) -> BaseGeometry:
    if int(shapely.get_dimensions(geometry)) == 2:
        geometry = shapely.orient_polygons(geometry)  # RFC 7946: exteriors run against the clock
    return shapely.transform(geometry, lambda points: points.round(DIGITS))
