"""Elements of OpenStreetMap, measured."""

import json
from typing import Any

import pytest
import shapely

from corral_jobs.area.box import Box
from corral_jobs.area.drawing import drawing_of
from corral_jobs.area.geodesic import area_of, polygon_of
from corral_jobs.area.measure import cut, measured
from corral_jobs.area.shape import shapes_of

BOX = Box(0, 0, 0.1, 0.1)


def points(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    """Of west and south."""
    return [{"lon": lon, "lat": lat} for lon, lat in pairs]


def way(id: int, ring: list[dict[str, float]], **tags: str) -> dict[str, Any]:
    return {"type": "way", "id": id, "tags": tags, "geometry": ring}


def square(west: float, south: float, side: float) -> list[dict[str, float]]:
    return points(
        (west, south), (west + side, south), (west + side, south + side), (west, south + side), (west, south)
    )


def size(west: float, south: float, side: float) -> float:
    return area_of(shapely.box(west, south, west + side, south + side))


def test_areas_lines_and_points_are_told_apart():
    elements = [
        way(1, square(0.01, 0.01, 0.02), landuse="forest", name="Wood"),
        way(2, square(0.05, 0.05, 0.01), highway="residential"),
        way(3, points((0, 0), (0.05, 0)), highway="path"),
        {"type": "node", "id": 4, "lat": 0.05, "lon": 0.05, "tags": {"natural": "tree"}},
        way(5, points((0, 0))),
        {"type": "relation", "id": 6, "members": []},
        {"type": "way", "id": 7},
        "nonsense",
    ]
    result, geojson = measured(elements, BOX)
    assert (result.features, result.polygons, result.lines, result.points, result.skipped) == (4, 1, 2, 1, 4)
    assert result.area_m2 == pytest.approx(size(0.01, 0.01, 0.02), abs=0.01)
    assert result.box_m2 == pytest.approx(area_of(polygon_of(BOX)), abs=0.01)
    assert [(one.id, one.name) for one in result.largest] == [("way/1", "Wood")]
    features = json.loads(geojson)["features"]
    assert [one["geometry"]["type"] for one in features] == ["Polygon", "LineString", "LineString", "Point"]
    assert features[0]["properties"] == {"landuse": "forest", "name": "Wood", "area_m2": result.area_m2}
    assert {path.kind for path in result.drawing.paths} == {"polygon", "line", "point"}


def test_what_is_covered_counts_once_and_ends_at_the_box():
    elements = [way(1, square(-0.05, 0, 0.1), natural="water"), way(2, square(0, 0, 0.05), natural="water")]
    result, _ = measured(elements, BOX)
    assert result.area_m2 == pytest.approx(size(-0.05, 0, 0.1) + size(0, 0, 0.05), abs=0.02)
    covered = area_of(shapely.box(0, 0, 0.05, 0.1))
    assert result.covered_m2 == pytest.approx(covered, rel=1e-6)


def test_a_relation_is_put_together_from_ways_in_any_order_with_its_holes():
    ring = square(0.01, 0.01, 0.04)
    members = [
        {"type": "way", "role": "outer", "geometry": ring[:3]},
        {"type": "way", "role": "outer", "geometry": ring[2:][::-1]},
        {"type": "way", "role": "inner", "geometry": square(0.02, 0.02, 0.01)},
        {"type": "node", "role": "label", "lat": 0, "lon": 0},
    ]
    relation = {"type": "relation", "id": 1, "tags": {"type": "multipolygon"}, "members": members}
    result, geojson = measured([relation], BOX)
    assert result.area_m2 == pytest.approx(size(0.01, 0.01, 0.04) - size(0.02, 0.02, 0.01), abs=0.05)
    assert len(json.loads(geojson)["features"][0]["geometry"]["coordinates"]) == 2


def test_a_ring_that_crosses_itself_has_the_area_of_its_parts():
    bow = points((0, 0), (0.02, 0.02), (0.02, 0), (0, 0.02), (0, 0))
    result, _ = measured([way(1, bow, building="yes")], BOX)
    halves = shapely.make_valid(shapely.Polygon([(one["lon"], one["lat"]) for one in bow]))
    assert result.area_m2 == pytest.approx(area_of(halves), abs=0.01)
    assert result.area_m2 > 0


def test_shapes_across_the_antimeridian_are_whole_and_cut_there_in_geojson():
    box = Box(-18, 179.9, -17.9, -179.9)
    ring = points((179.95, -17.95), (-179.95, -17.95), (-179.95, -17.91), (179.95, -17.91), (179.95, -17.95))
    result, geojson = measured([way(1, ring, natural="wood")], box)
    assert result.area_m2 == pytest.approx(area_of(shapely.box(0, -17.95, 0.1, -17.91)), rel=1e-6)
    assert result.covered_m2 == pytest.approx(result.area_m2, rel=1e-5)
    geometry = json.loads(geojson)["features"][0]["geometry"]
    assert geometry["type"] == "MultiPolygon"
    longitudes = {lon for polygon in geometry["coordinates"] for lon, _ in polygon[0]}
    assert longitudes == {179.95, 180.0, -180.0, -179.95}
    [path] = result.drawing.paths
    assert path.d.count("M") == 1


def test_a_whole_shape_beyond_the_antimeridian_is_moved():
    assert cut(shapely.box(181, 0, 182, 1)).equals(shapely.box(-179, 0, -178, 1))


def test_a_drawing_shows_the_largest_and_says_what_it_leaves_out():
    found, _ = shapes_of(
        [way(n, square(0.001 * n, 0, 0.0001 * n), building="yes") for n in range(1, 30)], BOX
    )
    drawing = drawing_of([(shape, shape.geometry.area) for shape in found], BOX, most=20)
    assert [path.label for path in drawing.paths] == [f"way/{n}" for n in range(29, 9, -1)]
    assert drawing.left_out == 9
    assert (drawing.width, drawing.height) == (640, 640)


def test_nothing_found_is_an_answer():
    result, geojson = measured([], BOX)
    assert (result.features, result.area_m2, result.covered_m2) == (0, 0, 0)
    assert json.loads(geojson) == {"type": "FeatureCollection", "features": []}
