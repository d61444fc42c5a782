"""Areas on the ellipsoid, against figures from elsewhere."""

import math

import pytest
import shapely

from corral_jobs.area.box import Box
from corral_jobs.area.geodesic import area_of, polygon_of

A, B = 6_378_137.0, 6_356_752.314245179
"""The half axes of WGS 84, metres. Source: NIMA TR8350.2."""


def zone(box: Box) -> float:
    """Square metres of the ellipsoid between two parallels and two meridians.

    Source: Snyder, Map Projections: A Working Manual (1987), equation 3-12; a closed form, and no geodesics.
    """
    e = math.sqrt(1 - (B / A) ** 2)

    def below(latitude: float) -> float:
        s = math.sin(math.radians(latitude))
        return s / (1 - (e * s) ** 2) + math.log((1 + e * s) / (1 - e * s)) / (2 * e)

    return B**2 * math.radians(box.width) / 2 * (below(box.north) - below(box.south))


BOXES = {
    "at the equator": Box(-1, 20, 1, 22),
    "Zurich": Box(47.35, 8.5, 47.4, 8.6),
    "far north": Box(78, 10, 79, 20),
    "to the pole": Box(-90, 0, -80, 90),
    "across the antimeridian": Box(-18, 179.5, -17.5, -179.5),
    "from the antimeridian on": Box(10, -180, 11, -179),
    "half the earth": Box(-90, -180, 90, 0),
}


@pytest.mark.parametrize("name", BOXES)
def test_a_box_has_the_area_that_a_closed_form_says(name: str):
    assert area_of(polygon_of(BOXES[name])) == pytest.approx(zone(BOXES[name]), rel=2e-6)


GEODESIC = {
    # Corners as latitude and longitude, square metres. Source: GeographicLib for Python, commit 045fa3d,
    # geographiclib/test/test_geodesic.py: an implementation that shares no code with PROJ's.
    "a square degree and more at the equator (Planimeter0)": (
        [(0, -1), (-1, 0), (0, 1), (1, 0)],
        24_619_419_146.0,
    ),
    "an octant (Planimeter0)": ([(90, 0), (0, 0), (0, 90)], 63_758_202_715_511.0),
    "around the pole (Planimeter0)": ([(89, 0), (89, 90), (89, 180), (89, 270)], 24_952_305_678.0),
    "around the other pole (Planimeter0)": ([(-89, 0), (-89, 90), (-89, 180), (-89, 270)], 24_952_305_678.0),
    "half around the pole (Planimeter5)": ([(89, 0.1), (89, 90.1), (89, -179.9)], 12_476_152_838.5),
    "a triangle (Planimeter15)": ([(2, 1), (1, 2), (3, 3)], 18_454_562_325.45119),
    "a line (Planimeter6)": ([(9, 0), (9, 180), (9, 0)], 0.0),
}


@pytest.mark.parametrize("name", GEODESIC)
def test_sides_are_geodesics(name: str):
    corners, area = GEODESIC[name]
    ring = [(longitude, latitude) for latitude, longitude in corners]
    assert area_of(shapely.Polygon(ring)) == pytest.approx(area, abs=1)


def test_the_whole_earth_has_the_area_of_its_ellipsoid():
    """Source: as above, Planimeter15."""
    assert 2 * area_of(polygon_of(Box(-90, -180, 90, 0))) == pytest.approx(510_065_621_724_088.5, abs=1)


STATES = {
    # Square metres. Source: US Census Bureau, State Area Measurements and Internal Point Coordinates (2010), total areas,
    # census.gov/geographies/reference-files/2010/geo/state-area.html. Their borders are parallels and meridians by law:
    # 27 and 34, 25 and 32 degrees west of the meridian of Washington, which is at 77° 3' west. As surveyed they are not
    # quite there.
    "Wyoming": (Box(41, -111.05, 45, -104.05), 253_335e6),
    "Colorado": (Box(37, -109.05, 41, -102.05), 269_601e6),
}


@pytest.mark.parametrize("name", STATES)
def test_states_with_straight_borders_have_the_area_that_their_census_says(name: str):
    box, area = STATES[name]
    assert area_of(polygon_of(box)) == pytest.approx(area, rel=2e-3)


def test_square_degrees_are_no_areas():
    """What a planar reckoning would take for equal differs by half."""
    equator, north = Box(0, 0, 1, 1), Box(60, 0, 61, 1)
    assert polygon_of(equator).area == pytest.approx(polygon_of(north).area)
    assert area_of(polygon_of(north)) == pytest.approx(area_of(polygon_of(equator)) * 0.495, rel=0.01)


def test_holes_and_the_order_of_points_do_not_matter():
    ring, hole = [(0, 0), (2, 0), (2, 2), (0, 2)], [(0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1)]
    whole, inner = area_of(shapely.Polygon(ring)), area_of(shapely.Polygon(hole))
    for outside in (ring, ring[::-1]):
        for inside in (hole, hole[::-1]):
            assert area_of(shapely.Polygon(outside, [inside])) == pytest.approx(whole - inner)
