import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from corral_worker.result import ResultRefused, result_text

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


def test_a_backslash_before_u0000_is_no_nul():
    assert result_text("\\u0000", None) == '"\\\\u0000"'
