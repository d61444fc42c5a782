"""What may be stored: everything that JSON, Postgres and orjson agree on, and nothing else."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corral.actions.submissions.json_value import MAX_ERRORS, encode, escape, faults, refuse_faults
from corral.errors import InvalidInput, TooLarge
from corral.job.limits import MAX_DEPTH
from corral.json_codec import loads

GOOD_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
GOOD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | GOOD_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(GOOD_TEXT, inner, max_size=4),
    max_leaves=20,
)
BAD = st.sampled_from(
    [math.nan, math.inf, -math.inf, 10**4300, -(10**4300), "a\0", "\ud800", object(), {1: 2}, b"x", {"\0": 1}]
)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@settings(deadline=None)
@given(GOOD)
def test_what_json_can_hold_comes_back_as_it_was(value: Any):
    assert list(faults(value, "")) == []
    text = encode(value, limit=1_000_000)
    assert json.loads(text) == value
    assert encode(loads(text), limit=1_000_000, from_wire=True) == text


@settings(deadline=None)
@given(GOOD, BAD, st.lists(GOOD_TEXT, max_size=5))
def test_what_it_can_not_hold_is_found_where_it_is(good: Any, bad: Any, path: list[str]):
    value = bad
    for name in reversed(path):
        value = {"good": good, name: value} if name != "good" else {name: value}
    place = "/payload" + "".join(f"/{escape(name)}" for name in path)
    with pytest.raises(InvalidInput) as caught:
        encode(value, limit=1_000_000)
    assert [error.pointer for error in caught.value.errors] == [place]


def test_depth_is_counted_and_can_not_exhaust_the_stack():
    assert encode(nested(MAX_DEPTH), limit=10_000, from_wire=True)
    for depth in (MAX_DEPTH + 1, 900):
        with pytest.raises(InvalidInput, match="nested deeper"):
            encode(nested(depth), limit=10_000, from_wire=True)
    with pytest.raises(InvalidInput, match="nested deeper"):
        refuse_faults(nested(50_000), "")
    braces = {"text": "[{" * 500}
    assert json.loads(encode(braces, limit=10_000, from_wire=True)) == braces


def test_a_text_that_only_looks_like_an_escaped_nul_is_fine():
    value = {"path": "C:\\u0000"}
    assert json.loads(encode(value, limit=100, from_wire=True)) == value


def test_the_limit_is_in_bytes_of_json():
    assert encode("é" * 10, limit=22)
    with pytest.raises(TooLarge):
        encode("é" * 10, limit=21)


def test_errors_are_bounded():
    with pytest.raises(InvalidInput) as caught:
        refuse_faults([math.nan] * 1000, "")
    assert len(caught.value.errors) == MAX_ERRORS
