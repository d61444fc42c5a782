from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from corral.catalog import job_type
from corral.catalog.payloads.validation import MAX_ERRORS, Validator
from corral.catalog.payloads.wording import MAX_MESSAGE, pointer
from corral.catalog.record import TypeRecord, record_of
from corral.errors import InvalidInput


class Line(BaseModel):
    amount: Annotated[float, Field(ge=0)]


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to: Annotated[str, Field(pattern="^[a-z]+$")]
    lines: list[Line] = []
    at: datetime | None = None


VALIDATOR = Validator(record_of(job_type("order", payload=Order)))


@pytest.mark.parametrize(
    ("payload", "pointers"),
    [
        ({}, ["/payload/to"]),
        ({"to": 5}, ["/payload/to"]),
        ({"to": "ab", "x/y": 1, "z~": 2}, ["/payload/x~1y", "/payload/z~0"]),
        (
            {"to": "ab", "lines": [{"amount": 1}, {"amount": -1}, {}]},
            ["/payload/lines/1/amount", "/payload/lines/2/amount"],
        ),
        ({"to": "ab", "at": "yesterday"}, ["/payload/at"]),
        ([], ["/payload"]),
        (None, ["/payload"]),
    ],
)
def test_every_fault_is_told_with_its_pointer(payload: Any, pointers: list[str]):
    with pytest.raises(InvalidInput) as refused:
        VALIDATOR.check(payload)
    assert sorted(error.pointer for error in refused.value.errors) == pointers


@pytest.mark.parametrize("at", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05+02:00"])
def test_what_the_handler_would_read_is_accepted(at: str):
    VALIDATOR.check({"to": "ab", "at": at})
    Order.model_validate({"to": "ab", "at": at})


def test_errors_are_bounded_in_number_and_length():
    with pytest.raises(InvalidInput) as refused:
        VALIDATOR.check({"to": "X" * 100_000, "lines": [{} for _ in range(1000)]})
    assert len(refused.value.errors) == MAX_ERRORS
    assert all(len(error.message) <= MAX_MESSAGE + 3 for error in refused.value.errors)


def test_a_type_without_a_schema_accepts_any_json():
    validator = Validator(record_of(job_type("anything")))
    for payload in (None, 1, "a", [1], {"a": 1}):
        validator.check(payload)


def test_a_registered_schema_that_is_none_leaves_everything_to_the_worker():
    validator = Validator(TypeRecord("odd", {"type": "nonsense"}, None, {}, "1"))
    validator.check({"what": "ever"})
    (unjudged,) = validator.unjudged
    assert str(unjudged).startswith("the whole payload: its schema is not valid: ")


def test_a_pointer_escapes_as_rfc_6901_says():
    assert pointer("a/b", "c~d", 3) == "/payload/a~1b/c~0d/3"


class Source(BaseModel):
    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["rows"]}, {"required": ["csv"]}]})

    rows: list[int] | None = None
    csv: str | None = None


@pytest.mark.parametrize("payload", [{}, {"rows": [1], "csv": "a"}])
def test_a_choice_between_fields_is_told_as_one(payload: Any):
    with pytest.raises(InvalidInput, match="needs exactly one of rows, csv"):
        Validator(record_of(job_type("source", payload=Source))).check(payload)
