"""From elements of OpenStreetMap to shapes, in degrees. Imports shapely.

Source: OpenStreetMap Wiki, Overpass QL `out geom`; Relation:multipolygon.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import shapely
from shapely.geometry.base import BaseGeometry

from corral_jobs.area.box import Box

AREA_KEYS: Final = frozenset(
    [
        "landuse",
        "natural",
        "leisure",
        "building",
        "amenity",
        "water",
        "place",
        "boundary",
        "tourism",
        "shop",
        "office",
        "historic",
        "area:highway",
    ]
)
"""Tags that make a closed way an area; others, as highway, leave it a line. Source: Wiki, Key:area."""
LINEAR: Final = frozenset(
    {("natural", "coastline"), ("natural", "cliff"), ("natural", "ridge"), ("natural", "tree_row")}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """An element with its shape, valid, of one kind."""

    id: str
    tags: Mapping[str, str]
    geometry: BaseGeometry

    @property
    def kind(self) -> Literal["polygon", "line", "point"]:
        """What sort of shape it is."""
        kinds: tuple[Literal["polygon", "line", "point"], ...] = ("point", "line", "polygon")
        return kinds[int(shapely.get_dimensions(self.geometry))]

    @property
    def name(self) -> str | None:
        """Its name."""
        return self.tags.get("name")


def shapes_of(elements: Iterable[Any], box: Box) -> tuple[list[Shape], int]:
    """The shapes, near the box also where it crosses the antimeridian; and how many elements have none."""
    found, skipped = [], 0
    for element in elements:
        shape = _shape(element, box)
        if shape is None:
            skipped += 1
        else:
            found.append(shape)
    return found, skipped


def _shape(element: Any, box: Box) -> Shape | None:
    if not isinstance(element, Mapping):
        return None
    tags = element.get("tags")
    tags = {str(key): str(value) for key, value in tags.items()} if isinstance(tags, Mapping) else {}
    try:
        match element.get("type"):
            case "node":
                geometry = _node(element, box)
            case "way":
                geometry = _way(element.get("geometry"), tags, box)
            case "relation":
                geometry = _relation(element.get("members"), box)
            case _:
                return None
    except (TypeError, ValueError, shapely.errors.ShapelyError):
        return None
    if geometry is None or geometry.is_empty:
        return None
    return Shape(f"{element['type']}/{element.get('id')}", tags, geometry)


def _node(element: Mapping[str, Any], box: Box) -> BaseGeometry | None:
    points = _points([element], box)
    return shapely.Point(points[0]) if points else None


def _way(points: Any, tags: Mapping[str, str], box: Box) -> BaseGeometry | None:
    line = _points(points, box)
    if len(line) < 2:
        return None
    if len(line) >= 4 and line[0] == line[-1] and _is_area(tags):
        return _areas(shapely.Polygon(line))
    return shapely.LineString(line)


def _relation(members: Any, box: Box) -> BaseGeometry | None:
    """The outer rings without the inner ones; the ways of a ring may come in any order and direction."""
    outer = list(_lines(members, box, inner=False))
    rings = shapely.union_all(_rings(outer))
    holes = shapely.union_all(_rings(_lines(members, box, inner=True)))
    if rings.is_empty:
        return shapely.MultiLineString(outer) if outer else None
    return _areas(rings.difference(holes))


def _lines(members: Any, box: Box, *, inner: bool) -> Iterator[BaseGeometry]:
    for member in members if isinstance(members, list) else ():
        if isinstance(member, Mapping) and member.get("type") == "way":
            line = _points(member.get("geometry"), box)
            if (member.get("role") == "inner") is inner and len(line) >= 2:
                yield shapely.LineString(line)


def _rings(lines: Iterable[BaseGeometry]) -> list[BaseGeometry]:
    """The areas that lines enclose."""
    merged = shapely.line_merge(shapely.MultiLineString([line.coords for line in lines]))
    parts = merged.geoms if isinstance(merged, shapely.MultiLineString) else [merged]
    return [
        made
        for part in parts
        if part.is_closed and len(part.coords) >= 4 and (made := _areas(shapely.Polygon(part))) is not None
    ]


def _areas(geometry: BaseGeometry) -> BaseGeometry | None:
    """What of it is an area, made valid: a ring may cross itself."""
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    parts = [part for part in shapely.get_parts(valid) if int(shapely.get_dimensions(part)) == 2]
    return shapely.union_all(parts) if parts else None


def _points(points: Any, box: Box) -> list[tuple[float, float]]:
    """Longitudes and latitudes, on the side of the antimeridian on which the box is."""
    found = []
    for point in points if isinstance(points, list) else ():
        if not isinstance(point, Mapping):
            continue
        latitude, longitude = _number(point.get("lat"), 90), _number(point.get("lon"), 540)
        if latitude is not None and longitude is not None:
            found.append((longitude + 360.0 * round((box.center - longitude) / 360.0), latitude))
    return found


def _number(value: Any, most: float) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if good and abs(value) <= most else None


def _is_area(tags: Mapping[str, str]) -> bool:
    if tags.get("area") in ("yes", "no"):
        return tags["area"] == "yes"
    if any((key, value) in LINEAR for key, value in tags.items()):
        return False
    return any(key in AREA_KEYS for key in tags) or not (
        {"highway", "barrier", "railway", "waterway"} & tags.keys()
    )
