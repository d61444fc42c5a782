import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from corral_worker.attempts.result import MAX_RESULT_BYTES, ResultRefused, result_text

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


class Count(BaseModel):
    n: float


@dataclass
class Plain:
    at: datetime


@given(values)
def test_whatever_json_can_hold_comes_out_the_same(value: Any):
    text = result_text(value, None)
    assert (None if text is None else json.loads(text)) == value


@given(
    st.recursive(
        st.text() | st.floats() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_whatever_comes_out_is_strict_json_without_nul(value: Any):
    try:
        text = result_text(value, None)
    except ResultRefused:
        return
    assert text is not None

    def never(token: str) -> None:
        raise AssertionError(token)

    assert "\0" not in repr(json.loads(text, parse_constant=never)).replace("\\\\", "")
    text.encode()


def test_models_and_dataclasses_become_json():
    assert result_text(Count(n=1), None) == '{"n":1.0}'
    assert result_text(Plain(datetime(2026, 1, 2, tzinfo=UTC)), None) == '{"at":"2026-01-02T00:00:00Z"}'
    assert result_text({"n": "3"}, TypeAdapter(Count)) == '{"n":3.0}'


def test_no_result_is_none_and_a_model_of_none_is_null():
    assert result_text(None, None) is None
    assert result_text(None, TypeAdapter(int | None)) == "null"


@pytest.mark.parametrize(
    "value",
    [math.nan, {"a": [math.inf]}, Count(n=math.nan), {"a\0": 1}, "\ud800", object(), {1, "a", object()}],
)
def test_what_json_or_postgres_cannot_hold_is_refused(value: Any):
    with pytest.raises(ResultRefused):
        result_text(value, None)


def test_a_not_a_number_in_a_model_is_refused_not_made_null():
    with pytest.raises(ResultRefused):
        result_text(Count(n=math.nan), TypeAdapter(Count))


def test_a_result_that_does_not_fit_its_model_is_refused_by_name():
    with pytest.raises((ResultRefused, ValidationError), match="n"):
        result_text({"m": 1}, TypeAdapter(Count))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"items": [{"price": 1}, {"price": 2}, {}, {"price": math.nan}]},
            "result.items[3].price is NaN, which JSON cannot hold",
        ),
        (math.inf, "result is Infinity, which JSON cannot hold"),
        ({"a b": [-math.inf]}, "result['a b'][0] is -Infinity, which JSON cannot hold"),
        (Count(n=math.nan), "result.n is NaN, which JSON cannot hold"),
        ({"text": ["", "a\0b"]}, "result.text[1] has a NUL character"),
        ({"inside": {"a\0": 1}}, "a key in result.inside has a NUL character"),
        ([math.nan, "a\0"], "result[0] is NaN"),
        ({"n": float("nan"), "long": 2**70}, "result.n is NaN"),
    ],
)
def test_what_json_cannot_hold_is_named_by_its_place(value: Any, said: str):
    with pytest.raises(ResultRefused, match=f"^{re.escape(said)}"):
        result_text(value, None)


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**70, -(2**70), 10**308 + 1, 10**400 + 7, -(10**4000)])
def test_whole_numbers_keep_their_digits(number: int):
    assert result_text({"n": [number]}, None) == f'{{"n":[{number}]}}'
    assert result_text(number, TypeAdapter(int)) == str(number)


def test_a_whole_number_that_no_python_reads_is_refused_by_name():
    with pytest.raises(ResultRefused, match="digits"):
        result_text({"n": 10**4300}, None)


@pytest.mark.parametrize("tail", ["\0", "\\u0000", math.nan], ids=repr)
def test_no_result_passes_its_limit_whatever_it_holds(tail: Any):
    with pytest.raises(ResultRefused, match="bytes of JSON; the limit is 16,777,216"):
        result_text([tail, "x" * MAX_RESULT_BYTES], None)
    text = result_text("x" * (MAX_RESULT_BYTES - 2), None)
    assert text is not None
    assert len(text) == MAX_RESULT_BYTES


def test_the_limit_counts_what_is_stored_not_what_was_returned():
    with pytest.raises(ResultRefused, match="bytes of JSON"):
        result_text("\u0001" * (MAX_RESULT_BYTES // 6 + 1), None)


def test_a_backslash_before_u0000_is_no_nul():
    assert result_text("\\u0000", None) == '"\\\\u0000"'
