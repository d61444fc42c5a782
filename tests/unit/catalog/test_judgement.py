"""What the model takes the publisher takes; what it can't judge is named, and left to the worker."""

import json
from typing import Any, Optional, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter
from tests.unit.catalog.models import MODELS
from tests.unit.catalog.values import SCALARS, VALUES

from corral.catalog.payloads.judgement import judgement_of
from corral.catalog.payloads.schema import payload_schema_of


def taken(adapter: TypeAdapter[Any], value: Any) -> bool:
    """Whether the worker would take it, as it reads payloads."""
    try:
        adapter.validate_json(json.dumps(value))
    except Exception:  # noqa: BLE001 - a model's own validators raise what they like
        return False
    return True


@pytest.mark.parametrize("name", MODELS)
def test_what_the_model_takes_the_publisher_takes(name: str):
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS[name])
    judgement = judgement_of(payload_schema_of(adapter))
    accepted = [value for value in VALUES if taken(adapter, value)]
    refused = [value for value in accepted if not judgement.validator.is_valid(value)]
    assert refused == []
    assert accepted, "nothing was compared"


@pytest.mark.parametrize("name", MODELS)
def test_a_field_of_a_model_is_judged_as_the_type_alone(name: str):
    class Holder(BaseModel):
        field: MODELS[name] = Field(default=None)  # type: ignore[valid-type]

    adapter: TypeAdapter[Any] = TypeAdapter(Holder)
    judgement = judgement_of(payload_schema_of(adapter))
    for value in VALUES:
        if taken(adapter, {"field": value}):
            assert judgement.validator.is_valid({"field": value}), value


LEAVES = st.sampled_from([MODELS[name] for name in MODELS if name not in ("iterable", "None", "any")])
TYPES = st.recursive(
    LEAVES,
    lambda inner: (
        inner.map(lambda one: list[one])
        | inner.map(lambda one: dict[str, one])
        | inner.map(lambda one: Optional[one])  # noqa: UP045 - of a value, not of a name
        | st.lists(inner, min_size=2, max_size=3).map(lambda some: Union[tuple(some)])  # noqa: UP007
        | st.lists(inner, min_size=1, max_size=2).map(lambda some: tuple[tuple(some)])
    ),
    max_leaves=4,
)
INSTANCES = st.recursive(
    st.sampled_from(VALUES) | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "x", "1"]), inner),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(TYPES, st.lists(INSTANCES, min_size=15, max_size=15))
def test_so_it_is_with_whatever_is_made_of_them(model: Any, values: list[Any]):
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    judgement = judgement_of(payload_schema_of(adapter))
    for value in values:
        if taken(adapter, value):
            assert judgement.validator.is_valid(value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("int", ["abc", "1.5", 1.5, None, [], {}]),
        ("int bounded", [0, 6, "0", "6", "x"]),
        ("float", ["abc", None, []]),
        ("bool", ["perhaps", 2, 0.5, None]),
        ("str", [1, True, None, []]),
        ("date", ["yesterday", "2024-02-30", "2024-01-01T10:00:00Z", True]),
        ("datetime", ["yesterday", "10:00", None]),
        ("time", ["25:00", "noon"]),
        ("timedelta", ["a while", None]),
        ("UUID", ["550e8400", "x", 5]),
        ("UUID4", ["550e8400", "x"]),
        ("HttpUrl", ["example.com", "", "no url at all", 7]),
        ("IPv4", ["1.2.3", "::1", "a"]),
        ("IPvAny", ["1.2.3", "a"]),
        ("IPv4Network", ["a/24", "1.2.3.4/24"]),
        ("enum", ["b", 2, None]),
        ("IntEnum", ["3", 3, "a"]),
        ("StrictInt", ["5", True, "x"]),
        ("StrictBool", ["yes", 1]),
        ("strictly", [{"count": "1"}, {"count": True}]),
        ("str long", ["a", "abcd"]),
        ("int multiple", [3, "3", 1.5]),
        ("float multiple", [0.15, "0.15"]),
        ("list", [[None], "1", {"a": 1}]),
        ("tuple", [[1], [1, "a", 2]]),
        ("dict of words", [{"3": 1}, {"a": 1}]),
        ("order", [{}, {"to": "AB"}, {"to": "ab", "more": 1}, {"to": "ab", "lines": [{"amount": -1}]}]),
        ("by name", [{}, {"other": 1}, {"customerId": "x"}, {"customer": "x"}]),
        ("by name alone", [{"customerId": 1}]),
        ("choices", [{}, {"other": 1}]),
        ("hidden", [{"other": 1}]),
        ("home", [{}, {"pet": {}}, {"pet": {"kind": "cow"}}, {"pet": {"kind": "dog"}}]),
        ("tree", [{"value": 1, "children": [{"value": "x"}]}]),
        ("rust", [{"letters": "1"}, {"digits": "a"}, {"any_case": "abd"}, {"words": " "}]),
        ("told", [{"tags": 5}, {"tags": [5]}]),
        ("trimming", [{}, {"code": 5}, {"code": "abcd"}, {"code": "AB"}]),
        ("str stripped", ["abc", " ab c ", "A", 5]),
    ],
)
def test_what_both_refuse_is_refused_before_it_is_stored(name: str, values: list[Any]):
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS[name])
    judgement = judgement_of(payload_schema_of(adapter))
    for value in values:
        assert not taken(adapter, value), value
        assert not judgement.validator.is_valid(value), value


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("python", "Python/ahead: Python's own regular expressions match it"),
        ("python", "Python/keys: the pattern of its keys needs an engine that backtracks, as Python's"),
        ("before", "/tags: a validator of its own reads it first"),
        ("before", "/number: a validator of its own reads it first"),
        ("anyhow", "the whole payload: a validator of its own reads it first"),
        ("wrapped", "/number: a validator of its own reads it first"),
        ("holding", "/call: JSON Schema has no words for it"),
        ("coercing", "/code: it takes numbers as text"),
        ("enum of anything", "the whole payload: its _missing_ may take it"),
        ("named tuple", "the whole payload: it is a list or an object"),
        ("forgiving", "the whole payload: its default stands in for what is wrong"),
        ("skipped", "/number: nothing validates it"),
    ],
)
def test_what_the_worker_alone_judges_is_named(name: str, told: str):
    unjudged = judgement_of(payload_schema_of(TypeAdapter(MODELS[name]))).unjudged
    assert told.partition(":")[2] in [str(one).partition(":")[2] for one in unjudged]


@pytest.mark.parametrize(
    "name",
    [
        "int",
        "order",
        "home",
        "tree",
        "told",
        "rust",
        "by name",
        "choices",
        "hidden",
        "HttpUrl",
        "UUID",
        "strictly",
        "trimming",
    ],
)
def test_of_most_models_all_is_judged(name: str):
    assert judgement_of(payload_schema_of(TypeAdapter(MODELS[name]))).unjudged == ()


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "nonsense"}, "the whole payload: its schema is not valid"),
        (
            {"properties": {"a": {"$ref": "http://example.com/a"}}},
            "/a: its schema refers to 'http://example.com/a'",
        ),
        ({"$ref": "#/$defs/none"}, "the whole payload: its schema is not valid"),
        ({"properties": {"a": {"pattern": "(?=x)"}}}, "/a: its pattern needs an engine that backtracks"),
        ({"not": {"pattern": "(?=x)"}}, "the whole payload: its schema has a condition (not)"),
        ({"if": {"$ref": "#"}, "then": False}, "the whole payload: its schema has a condition (if)"),
        ({"minimum": "x"}, "the whole payload: its schema is not valid"),
        ({"properties": []}, "the whole payload: its schema is not valid"),
    ],
)
def test_a_schema_of_another_hand_is_judged_as_far_as_it_goes(schema: dict[str, Any], told: str):
    judgement = judgement_of(schema)
    assert judgement.validator.is_valid({"a": "x"})
    assert any(str(one).startswith(told) for one in judgement.unjudged), judgement.unjudged


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#"}, {"$defs": {"A": {"$ref": "#/$defs/A"}}, "$ref": "#/$defs/A"}, {"allOf": [{"$ref": "#"}]}],
)
def test_a_circle_of_references_ends(schema: dict[str, Any]):
    assert judgement_of(schema).validator.is_valid({"a": [{}]})


def test_a_part_that_cant_be_judged_leaves_the_others_judged():
    adapter: TypeAdapter[Any] = TypeAdapter(MODELS["before"])
    validator = judgement_of(payload_schema_of(adapter)).validator
    assert validator.is_valid({"tags": "a,b", "number": "seven"})
    assert not validator.is_valid({"number": 1})


json_schemas = st.recursive(
    st.sampled_from([True, False, {}, "x", 1, None, "integer", "string", "(?=a)", "^a$", "#", "#/$defs/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "anyOf",
                    "oneOf",
                    "allOf",
                    "not",
                    "if",
                    "then",
                    "$ref",
                    "$defs",
                    "pattern",
                    "format",
                    "enum",
                    "const",
                    "required",
                    "minimum",
                    "maxLength",
                    "uniqueItems",
                    "additionalProperties",
                    "patternProperties",
                    "x-corral",
                    "discriminator",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["type", "properties", "anyOf", "$ref", "$defs", "x-corral"]), json_schemas
    )
)
def test_whatever_is_registered_is_judged_somehow(schema: dict[str, Any]):
    judgement = judgement_of(schema)
    for value in SCALARS[:20]:
        judgement.validator.is_valid(value)
