"""A refusal says what is wrong, with the value, and what would be allowed there."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.unit.catalog.models import MODELS
from tests.unit.catalog.values import VALUES

from corral.catalog.payloads.schema import payload_schema_of
from corral.catalog.payloads.validation import MAX_ERRORS, Validator
from corral.catalog.payloads.wording import MAX_MESSAGE
from corral.catalog.record import TypeRecord
from corral.errors import FieldError, InvalidInput


def validator(model: Any) -> Validator:
    return Validator(TypeRecord("test", payload_schema_of(TypeAdapter(model)), None, {}, "1"))


def refusals(name: str, value: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        validator(MODELS[name]).check(value)
    return [
        f"{error.pointer.removeprefix('/payload')} {error.message}".strip() for error in refused.value.errors
    ]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("int", "abc", 'is "abc"; it must be a whole number'),
        ("int bounded", 0, "is 0; it must be a whole number from 1 to 5"),
        ("int above", "9", 'is "9"; it must be a whole number above 1 and below 5'),
        ("int multiple", 3, "is 3; it must be a whole number that is a multiple of 2"),
        ("optional", "x", 'is "x"; it must be a whole number or null'),
        ("union", 1.5, "is 1.5; it must be a whole number, text or a list"),
        ("datetime", "yesterday", 'is "yesterday"; it must be a date and time such as 2030-01-31T09:00:00Z'),
        ("UUID4", "x", 'is "x"; it must be a UUID'),
        ("HttpUrl", "x", 'is "x"; it must be an address such as https://example.com/'),
        ("enum", "b", 'is "b"; it must be "a" or 1'),
        ("literal true", 5, "is 5; it must be true"),
        ("bool", {}, "is an object; it must be true or false"),
        ("str", None, "is null; it must be text"),
        ("str", 2**70, "is 1180591620717411303424; it must be text"),
        ("str", -(10**400), "is a whole number of more than 60 digits; it must be text"),
        ("str long", "a", "has 1 character; it must have at least 2"),
        ("str long", "abcd", "has 4 characters; it must have at most 3"),
        (
            "str stripped",
            "ABC",
            'is "ABC"; it must be text of 1 to 2 characters that matches ^[a-z]+$',
        ),
        ("rust", {"digits": "a"}, '/digits is "a"; it must be text that matches ^\\d+$'),
        ("list bounded", [], "has 0 items; it must have at least 1"),
        ("tuple", [1, "a", 2], "has 3 items; it must have at most 2"),
        ("dict of words", {"3": 1}, 'has the key "3": it must be 1 or 2'),
        ("dict of long keys", {"a": 1}, 'has the key "a": it has 1 character; it must have at least 2'),
        ("order", {}, "/to is required"),
        ("order", {"to": "ab", "more": 1}, "/more is not a known field"),
        ("order", 5, "is 5; it must be an object (Order)"),
        ("by name", {}, "/customer is required; it may also be called customerId"),
        ("home", {"pet": {}}, '/pet/kind is required; it must be "cat", "dog" or "hound"'),
        ("home", {"pet": {"kind": "cow"}}, '/pet/kind is "cow"; it must be "cat", "dog" or "hound"'),
        ("home", {"pet": 5}, '/pet is 5; it must be an object whose kind is "cat", "dog" or "hound"'),
        ("home", {"pet": {"kind": "cat", "lives": "x"}}, '/pet/lives is "x"; it must be a whole number'),
        (
            "home",
            {"pet": {"kind": "cat"}, "other": {"kind": "dog"}},
            (
                "/other is nothing that is allowed. To be an object (Dog): /payload/other/name is required. To be an"
                ' object (Cat): /payload/other/kind is "dog"; it must be "cat"'
            ),
        ),
        (
            "home",
            {"pet": {"kind": "cat"}, "other": 5},
            "/other is 5; it must be an object (Cat), an object (Dog) or null",
        ),
        ("picked", {}, "needs exactly one of upload, url"),
        ("picked", {"upload": None, "url": None}, "needs exactly one of upload, url"),
        ("picked", {"upload": "a", "url": "b"}, "needs exactly one of upload, url"),
        ("written", {}, "needs at least one of body, html"),
        ("written", {"body": None}, "needs at least one of body, html"),
        (
            "tree",
            {"value": 1, "children": [{"value": "x"}]},
            '/children/0/value is "x"; it must be a whole number',
        ),
    ],
)
def test_what_is_wrong_and_what_is_allowed(name: str, value: Any, told: str):
    assert refusals(name, value) == [told]


JARGON = ("anyOf", "oneOf", "schema", "keyword", "$ref", "x-corral", "type '", "instance")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(MODELS)), st.sampled_from(VALUES) | st.lists(st.sampled_from(VALUES), max_size=25)
)
def test_no_refusal_is_empty_endless_or_jargon(name: str, value: Any):
    errors = faults(name, value)
    assert len(errors) <= MAX_ERRORS
    for error in errors:
        assert error.pointer.startswith("/payload")
        assert 0 < len(error.message) <= MAX_MESSAGE + 3
        assert not any(word in error.message for word in JARGON), error.message
        assert "something else" not in error.message, error.message


def faults(name: str, value: Any) -> tuple[FieldError, ...]:
    """Those of a payload; none where it is taken."""
    try:
        validator(MODELS[name]).check(value)
    except InvalidInput as refused:
        return refused.errors
    return ()


def test_a_long_value_is_cut():
    (told,) = refusals("int", "x" * 100_000)
    assert len(told) < 120
    assert "…" in told
