"""Queries, and what answers say: also errors that come as 200."""

import pytest

from corral_jobs.area import AreaRequest
from corral_jobs.area.box import Box
from corral_jobs.area.overpass import AnswerKind, query_of, read

REQUEST = AreaRequest(
    south=47.35, west=8.5, north=47.4, east=8.6, tags={"name": 'a"];node;\\', "landuse": "*"}
)


def test_a_query_holds_the_box_and_tags_that_can_not_end_early():
    assert query_of(REQUEST, Box(47.35, 8.5, 47.4, 8.6), 25) == (
        '[out:json][timeout:25];(relation["landuse"]["name"="a\\"];node;\\\\"](47.3500000,8.5000000,47.4000000,8.6000000);'
        'way["landuse"]["name"="a\\"];node;\\\\"](47.3500000,8.5000000,47.4000000,8.6000000););out geom qt;'
    )


ANSWERS = {
    "elements": (b'{"elements": [{"type": "node", "id": 1}, 5, {"id": 2}]}', AnswerKind.GOOD),
    "none": (b'{"elements": []}', AnswerKind.GOOD),
    "a remark that is no error": (b'{"elements": [], "remark": "considering 5 areas"}', AnswerKind.GOOD),
    "a time-out": (
        b'{"elements": [], "remark": "runtime error: Query timed out in \\"query\\" at line 1 after 26 seconds."}',
        AnswerKind.TOO_MUCH,
    ),
    "no memory": (
        b'{"elements": [], "remark": "runtime error: Query run out of memory"}',
        AnswerKind.TOO_MUCH,
    ),
    "another error": (b'{"elements": [], "remark": "runtime error: open64: 0 Success"}', AnswerKind.ERROR),
    "a page": (b"<html><p><strong>Error</strong>: runtime error: too busy </p></html>", AnswerKind.ERROR),
    "a cut": (b'{"elements": [{"type": "node"', AnswerKind.ERROR),
    "no object": (b"[]", AnswerKind.ERROR),
    "nothing": (b"", AnswerKind.ERROR),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read(name: str):
    body, reading = ANSWERS[name]
    found = read(body)
    assert found.reading is reading
    assert bool(found.why) is (reading is not AnswerKind.GOOD)
    assert len(found.elements) == (1 if name == "elements" else 0)
