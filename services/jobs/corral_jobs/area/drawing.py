"""The drawing of shapes: paths of SVG in pixels, the largest first, simplified. Imports shapely."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from corral_jobs.area.box import Box
from corral_jobs.area.result import AreaDrawing, DrawnPath
from corral_jobs.area.shape import Shape

LONGEST: Final = 640
"""Pixels of the longer side."""
MAX_PATHS: Final = 1_000
MAX_CHARACTERS: Final = 120_000
"""Of all paths: the drawing is a part of the result."""
DETAIL: Final = 0.7
"""Pixels that a simplified line may be off."""
MAX_RATIO: Final = 8.0

Point = tuple[float, float]


def drawing_of(shapes: Sequence[tuple[Shape, float]], box: Box, *, most: int = MAX_PATHS) -> AreaDrawing:
    """Draw shapes, each with its size, as far as they lie in the box. Degrees of longitude get shorter to the poles."""
    shrink = max(0.02, math.cos(math.radians((box.south + box.north) / 2)))
    wide, high = box.width * shrink, box.height
    scale = LONGEST / max(wide, high)
    width, height = max(LONGEST / MAX_RATIO, wide * scale), max(LONGEST / MAX_RATIO, high * scale)
    across, down = width / box.width, height / box.height
    frame = shapely.box(box.west, box.south, box.west + box.width, box.north)

    def place(point: Point) -> Point:
        return (point[0] - box.west) * across, (box.north - point[1]) * down

    paths: list[DrawnPath] = []
    characters = 0
    for shape, _size in sorted(shapes, key=lambda one: -one[1]):
        seen = shape.geometry.intersection(frame)
        simple = shapely.simplify(seen, DETAIL / max(across, down), preserve_topology=False)
        d = " ".join(_paths(simple, place))
        if not d or len(paths) >= most or characters + len(d) > MAX_CHARACTERS:
            continue
        characters += len(d)
        paths.append(DrawnPath(kind=shape.kind, label=(shape.name or shape.id)[:100], d=d))
    return AreaDrawing(
        width=round(width), height=round(height), paths=paths, left_out=len(shapes) - len(paths)
    )


def _paths(geometry: BaseGeometry, place: Callable[[Point], Point]) -> Iterator[str]:
    for part in shapely.get_parts(geometry):
        match part:
            case shapely.Polygon():
                for ring in (part.exterior, *part.interiors):
                    if len(ring.coords) >= 4:
                        yield _path(list(ring.coords)[:-1], place) + "Z"
            case shapely.LineString():
                if len(part.coords) >= 2:
                    yield _path(list(part.coords), place)
            case shapely.Point():
                x, y = place((part.x, part.y))
                yield f"M{x - 2:.1f} {y:.1f}L{x:.1f} {y - 2:.1f}L{x + 2:.1f} {y:.1f}L{x:.1f} {y + 2:.1f}Z"
            case _:
                yield from _paths(part, place)


def _path(points: Sequence[Sequence[float]], place: Callable[[Point], Point]) -> str:
    placed = [place((point[0], point[1])) for point in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
