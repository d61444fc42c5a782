"""Lengths of time as people say them, and parts of JSON pointers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.json_pointer import escaped, unescaped
from corral.time_span import span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 ms"), (0.04, "40 ms"), (1.5, "1.5 s"), (12.4, "12 s"), (119, "119 s"), (120, "2 min"),
        (7_199, "120 min"), (7_200, "2 h"), (172_800, "2 d"), (8_640_000, "100 d"),
    ],
)  # fmt: skip
def test_a_length_of_time_is_said_in_the_largest_unit_of_which_there_are_two(seconds: float, said: str):
    assert span(seconds) == said


@given(st.text("~/01a"))
def test_a_part_of_a_pointer_is_one_part_and_comes_back(key: str):
    assert "/" not in escaped(key)
    assert unescaped(escaped(key)) == key
