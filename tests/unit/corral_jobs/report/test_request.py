"""What a request may say."""

from typing import Any

import jsonschema_rs
import pytest
from pydantic import ValidationError

from corral_jobs.report import ReportRequest
from corral_jobs.report.request import MAX_COLUMNS, MAX_ROWS


def errors(request: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        ReportRequest.model_validate(request)
    return [("/".join(map(str, error["loc"])), error["msg"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({}, "none is"),
        ({"csv": "a\n1", "rows": [{"a": 1}]}, "rows and csv are"),
        ({"csv": "a\n1", "source": "queue-statistics"}, "csv and source are"),
    ],
)
def test_exactly_one_source_is_given(sources: dict[str, Any], said: str) -> None:
    [(_, message)] = errors({"title": "T", **sources})
    assert message.endswith(f"exactly one of rows, csv and source must be given; {said}")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"colour": "red"}, "colour"),
        ({"rows": []}, "rows"),
        ({"rows": [{}]}, "rows/0"),
        ({"rows": [{"a": {"nested": 1}}]}, "rows/0/a"),
        ({"rows": [{"a": [1]}]}, "rows/0/a"),
        ({"rows": [{"": 1}]}, "rows/0//[key]"),
        ({"rows": [{"a": float("nan")}]}, "rows/0/a"),
        ({"rows": [{"a": float("inf")}]}, "rows/0/a"),
        ({"rows": [{"a": 1}] * (MAX_ROWS + 1)}, "rows"),
        ({"rows": [{str(number): 1 for number in range(MAX_COLUMNS + 1)}]}, "rows/0"),
        ({"columns": []}, "columns"),
        ({"columns": [{"name": "a", "width": 3}]}, "columns/0/width"),
        ({"columns": [{"name": "a", "total": "yes"}]}, "columns/0/total"),
        ({"chart": {"value": "a", "kind": "pie"}}, "chart"),
        ({"source": "the moon", "rows": None}, "source"),
    ],
)
def test_an_error_names_the_field(change: dict[str, Any], field: str) -> None:
    named = [name for name, _ in errors({"title": "T", "rows": [{"a": 1}], **change})]
    assert any(name.startswith(field) for name in named), named


def test_a_column_named_twice_is_refused() -> None:
    [(_, message)] = errors({"title": "T", "rows": [{"a": 1}], "columns": ["a", {"name": "a", "label": "A"}]})
    assert "names 'a' twice" in message


def test_a_column_may_be_given_by_its_name_alone() -> None:
    request = ReportRequest.model_validate({"title": "T", "csv": "a,b\n1,2", "columns": ["b", {"name": "a"}]})
    assert request.columns is not None
    assert [column.name for column in request.columns] == ["b", "a"]


def test_the_schema_accepts_and_refuses_what_the_model_does() -> None:
    schema = jsonschema_rs.validator_for(ReportRequest.model_json_schema())
    for example in ReportRequest.model_json_schema()["examples"]:
        assert schema.is_valid(example)
        ReportRequest.model_validate(example)
    assert schema.is_valid({"title": "T", "csv": "a\n1", "rows": None, "columns": ["a", {"name": "b"}]})
    for refused in (
        {"title": "T"},
        {"title": "T", "csv": "a\n1", "source": "queue-statistics"},
        {"title": "T", "csv": "a\n1", "colour": "red"},
    ):
        assert not schema.is_valid(refused)
