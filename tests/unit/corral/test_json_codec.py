"""Numbers keep their value from text to text, and text is passed on whatever it holds."""

import copy
import json
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral.json_codec import (
    MAX_DIGITS,
    Document,
    Number,
    as_decimals,
    dumps,
    exact,
    indented,
    lenient,
    loads,
    may_round,
)

DIGITS = st.text("0123456789", min_size=1, max_size=40)


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A JSON number, as anybody may write it."""
    whole = draw(DIGITS).lstrip("0") or "0"
    fraction = draw(st.just("") | DIGITS.map(".{}".format))
    exponent = draw(
        st.just("")
        | st.tuples(st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), DIGITS.map(lambda d: d[:3])).map(
            "".join
        )
    )
    return draw(st.sampled_from(["", "-"])) + whole + fraction + exponent


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def valued(text: str) -> Any:
    """The value of JSON with every number as a Decimal: nothing is lost."""
    return json.loads(text, parse_int=Decimal, parse_float=Decimal)


@given(numbers(), numbers())
def test_every_number_keeps_its_value(one: str, other: str):
    text = f'{{"a":[{one},{{"b":{other}}}],"c":"{one}"}}'
    assert valued(dumps(loads(text)).decode()) == valued(text)
    assert valued(dumps(lenient(text), indent=True).decode()) == valued(text)


@given(numbers())
def test_what_orjson_would_round_is_never_given_to_it(number: str):
    try:
        kept = valued(orjson.dumps(orjson.loads(number)).decode()) == valued(number)
    except orjson.JSONDecodeError:
        kept = False
    assert kept or may_round(number.encode())


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)))
def test_numbers_as_programs_write_them_are_read_the_fast_way(values: list[float]):
    for text in (orjson.dumps(values), json.dumps(values).encode()):
        assert not may_round(text)


@given(st.lists(numbers() | st.text("0123456789.eE+-", max_size=30).map('"{}"'.format)))
def test_numbers_keep_their_value_whatever_texts_look_like_them(items: list[str]):
    text = f"[{','.join(items)}]"
    assert valued(dumps(loads(text)).decode()) == valued(text)


@given(numbers())
def test_a_number_is_a_float_or_an_int_to_compute_with(number: str):
    value = loads(number)
    assert isinstance(value, int | float)
    assert value == (int(number) if number.lstrip("-").isdigit() else float(number))
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value
    decimal = as_decimals([value])[0]
    assert decimal == (Decimal(number) if isinstance(value, Number) else value)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any):
    assert loads(dumps(value)) == value
    assert json.loads(dumps(value)) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
        max_leaves=20,
    )
)
def test_the_slow_way_writes_what_the_fast_one_does(value: Any):
    assert dumps([value, 2**70]) == b"[" + orjson.dumps(value) + b",1180591620717411303424]"


@given(VALUES)
def test_indenting_changes_no_value_and_looks_as_orjson_writes_it(value: Any):
    text = dumps(value).decode()
    assert json.loads(indented(text)) == value
    try:
        written = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # a whole number beyond 64 bits
        return
    assert indented(text) == written


def test_indenting_stops_at_its_limit():
    text = dumps([[0] * 10] * 5_000).decode()
    assert indented(text, 50) == indented(text)[:50]


def test_a_whole_number_that_python_does_not_read_keeps_its_text():
    digits = "9" * (MAX_DIGITS + 1)
    assert loads(digits) == math.inf
    assert dumps(loads(f"[{digits}]")).decode() == f"[{digits}]"
    assert loads("9" * MAX_DIGITS) == 10**MAX_DIGITS - 1


@dataclass
class Facts:
    """A dataclass with something of everything."""

    document: Document
    wide: int
    inside: Mapping[str, Any]


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def test_documents_are_passed_on_as_they_are_wherever_they_stand():
    text = '{"a":1.10,"lone":"\\ud800","deep":' + "[" * 5000 + "]" * 5000 + "}"
    for wide in (1, 2**70):  # what orjson writes, and what it does not
        facts = Facts(
            Document(text), wide, MappingProxyType({"x": (Document("1E5"), Number("0.10000000000000000000"))})
        )
        written = dumps({"facts": facts}, default=_mapping).decode()
        assert (
            written
            == f'{{"facts":{{"document":{text},"wide":{wide},"inside":{{"x":[1E5,0.10000000000000000000]}}}}}}'
        )


def test_a_document_is_equal_to_its_value():
    assert Document('{"a": [1, 2.50]}') == {"a": [1, 2.5]} == Document('{"a":[1,2.5]}')
    assert Document("2") != 3
    assert Document('"\\ud800"').value == "\ud800"


def test_nesting_beyond_what_orjson_writes_is_written():
    value: Any = {"core": [(), {}, "text", None, True, 1.5, 2**70]}
    for _ in range(300):
        value = {"in": [value]}
    assert json.loads(dumps(value)) == json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "nan", "[" * 2000 + "]" * 2000, "[" * 2000 + "1" * 30 + "]" * 2000]
)
def test_what_is_no_json_or_too_deep_is_a_value_error(text: str):
    for read in (loads, lenient):
        with pytest.raises(ValueError, match=r"."):
            read(text)


@given(st.text('[]{}\\"a,', max_size=40))
def test_only_brackets_outside_of_texts_are_depth(text: str):
    told = json.dumps([text, "[{" * 1_000, text])
    assert exact(told) == json.loads(told)
    with pytest.raises(ValueError, match="too deeply"):
        exact(f"{'[' * 1_024}{told}{']' * 1_024}")


def test_the_strict_reader_refuses_what_the_lenient_one_takes():
    with pytest.raises(ValueError, match=r"."):
        loads('"\\ud800"')
    assert exact("[NaN]")[0] != exact("[NaN]")[0]
    with pytest.raises(TypeError):
        dumps({"a": object()})
