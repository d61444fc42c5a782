"""Boxes: the antimeridian, and pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corral_jobs.area import AreaRequest
from corral_jobs.area.box import Box

latitudes = st.integers(-90, 90).map(float)
longitudes = st.integers(-180, 180).map(float)
boxes = (
    st.tuples(latitudes, longitudes, latitudes, longitudes)
    .map(lambda one: Box(*one))
    .filter(
        lambda box: box.south < box.north and box.west != box.east and (box.west, box.east) != (180, -180)
    )
)


@settings(max_examples=40)
@given(boxes, st.sampled_from([11.0, 45.0, 180.0]))
def test_pieces_cover_a_box_once_and_cross_no_antimeridian(box: Box, side: float):
    pieces = list(box.pieces(side))
    assert len(pieces) == box.count(side)
    assert all(not one.crosses and one.west < one.east and one.south < one.north for one in pieces)
    assert all(one.width <= side + 1e-9 and one.height <= side + 1e-9 for one in pieces)
    assert sum(one.width * one.height for one in pieces) == pytest.approx(box.width * box.height)
    assert {one.south for one in pieces} >= {box.south}
    assert {one.north for one in pieces} >= {box.north}


def test_a_box_across_the_antimeridian_is_two():
    assert list(Box(-18, 179, -17, -179).pieces(5)) == [Box(-18, 179, -17, 180), Box(-18, -180, -17, -179)]
    assert list(Box(-18, 180, -17, -179).pieces(5)) == [Box(-18, -180, -17, -179)]


def test_quarters_are_halves_of_both_sides():
    assert Box(0, 0, 2, 2).quarters() == [Box(0, 0, 1, 1), Box(0, 1, 1, 2), Box(1, 0, 2, 1), Box(1, 1, 2, 2)]


GOOD = {"south": 47.35, "west": 8.5, "north": 47.4, "east": 8.6, "tags": {"landuse": "forest"}}
BAD = {
    "is above the pole": ({"north": 91}, "north"),
    "is upside down": ({"north": 47, "south": 48}, "north must be the greater"),
    "has no width": ({"west": 8, "east": 8}, "has no width"),
    "is too large": ({"south": -60, "west": -170, "north": 60, "east": 170}, "64 are the most"),
    "is no number": ({"west": float("nan")}, "west"),
    "has no tags": ({"tags": {}}, "tags"),
    "has a tag that is none": ({"tags": {'x"];node': "y"}}, "tags"),
    "has a line in a tag": ({"tags": {"name": "a\nb"}}, "tags"),
    "has no provider": ({"provider": "Over pass"}, "provider"),
    "says what there is not": ({"bbox": []}, "bbox"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_request_is_refused_that(name: str):
    change, said = BAD[name]
    with pytest.raises(ValidationError, match=said):
        AreaRequest.model_validate({**GOOD, **change})


def test_a_request_may_cross_the_antimeridian():
    request = AreaRequest.model_validate({**GOOD, "west": 179.5, "east": -179.5})
    assert request.box.crosses
    assert request.box.width == 1
