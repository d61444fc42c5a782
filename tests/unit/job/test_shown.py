"""What messages repeat of values: JSON, as it was sent, in which every character can be seen."""

import math
from decimal import Decimal
from typing import Any

import pytest

from corral import json_codec
from corral.actions.submissions.json_value import faults
from corral.catalog.options_json import backoff_of
from corral.errors import FieldError
from corral.job.bounds import Bounds
from corral.job.shown import shown

LONG = "0.1000000000000000055511151231257827"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (Decimal(LONG), LONG),
        (json_codec.loads(LONG), LONG),
        (Decimal("1." + "0" * 99), "1." + "0" * 58 + "…"),
        ({"a": 1}, "an object"),
        ((1, 2), "a list"),
        ("5", '"5"'),
        ("ä\n\0\x7f", '"ä\\n\\u0000\\u007f"'),
        ("https://a/\u202ecod", '"https://a/\\u202ecod"'),
        ("\ud800\u200b", '"\\ud800\\u200b"'),
    ],
)
def test_a_value_is_repeated_as_json(value: Any, text: str):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [({"a": 1}, "an object"), (None, "null"), (True, "true"), ("5", '"5"')]
)
def test_bounds_repeat_it_so(value: object, text: str):
    assert Bounds(0, 1).fault(value) == f"is {text}, which is no number; it must be at least 0 and at most 1"


def test_json_that_is_none_is_repeated_as_it_was_written():
    (nan, infinity) = faults(json_codec.exact("[NaN, -Infinity]"), "")
    assert (str(nan), str(infinity)) == (
        "/0: is NaN, which JSON can't hold",
        "/1: is -Infinity, which JSON can't hold",
    )


def test_a_pointer_is_read_without_characters_that_nobody_sees():
    assert str(FieldError("/a\u202e\0/b", "is wrong")) == "/a\\u202e\\u0000/b: is wrong"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "is true; it must be a number of seconds"),
        ([None], "a wait is null, which is no number"),
        ({"kind": "fixed", "seconds": None}, "a wait is null, which is no number"),
        ({"kind": "fixed"}, "needs the part seconds; known: cap, jitter, kind, seconds"),
        ({"kind": "exact", "waits": 5}, "has waits that are 5; they must be a list of seconds"),
        ({"kind": []}, "is an object; it must be a number of seconds"),
    ],
)
def test_a_backoff_that_is_none_is_told_without_a_word_of_python(value: Any, said: str):
    with pytest.raises(ValueError, match=said) as caught:
        backoff_of(value)
    assert str(caught.value).startswith(said)
