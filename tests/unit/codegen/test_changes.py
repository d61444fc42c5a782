"""What a change breaks is told, with its place; what only widens is not breaking."""

from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from corral.catalog.payloads.schema import payload_schema_of, result_schema_of
from corral.codegen.changes import Known, changes


def model(**fields: Any) -> Any:
    return create_model(
        "Thing", **{name: one if isinstance(one, tuple) else (one, ...) for name, one in fields.items()}
    )


def told(old: Any, new: Any, *, result: bool = False) -> list[str]:
    made = []
    for one in (old, new):
        schema = (
            None if one is None else (result_schema_of if result else payload_schema_of)(TypeAdapter(one))
        )
        made.append({"t": Known(None if result else schema, schema if result else None, ("q",))})
    return [str(one).replace("breaking: t ", "! ").removeprefix("t ") for one in changes(*made)]


class Red(Enum):
    RED = "red"


class RedBlue(Enum):
    RED = "red"
    BLUE = "blue"


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: int


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (model(a=int), model(a=int), []),
        (model(a=int, b=str), model(a=int), ["! payload/b: removed: it is not known any more"]),
        (model(a=int, b=str), model(a=int, c=str), ["! payload/b: renamed: it is called c now"]),
        (model(a=int), model(a=int, b=str), ["! payload/b: required: it is new and may not be left out"]),
        (model(a=int), model(a=int, b=(str, "")), ["payload/b: it is new"]),
        (model(a=(int, 1)), model(a=int), ["! payload/a: required: it may not be left out any more"]),
        (model(a=int), model(a=(int, 1)), ["payload/a: it may be left out now"]),
        (model(a=str), model(a=int), ["! payload/a: narrowed: string is not taken any more"]),
        (model(a=float), model(a=int), ["! payload/a: narrowed: number is not taken any more"]),
        (model(a=int), model(a=float), ["payload/a: wider than before (number is not taken before)"]),
        (model(a=int | None), model(a=int), ["! payload/a: narrowed: null is not taken any more"]),
        (model(a=RedBlue), model(a=Red), ['! payload/a: narrowed: "blue" is not taken any more']),
        (model(a=Red), model(a=RedBlue), ['payload/a: wider than before ("blue" is not taken before)']),
        (model(a=str), model(a=Literal["x"]), ['! payload/a: narrowed: only "x" is taken now']),
        (
            model(a=int),
            model(a=Annotated[int, Field(le=5)]),
            ["! payload/a: narrowed: maximum is 5"],
        ),
        (
            model(a=Annotated[str, Field(max_length=9)]),
            model(a=Annotated[str, Field(max_length=5)]),
            ["! payload/a: narrowed: maxLength is 5, was 9"],
        ),
        (model(a=str), model(a=Annotated[str, Field(pattern="^a")]), ['! payload/a: narrowed: pattern is "^a"']),
        (model(a=list[int]), model(a=list[Annotated[int, Field(ge=0)]]), ["! payload/a/*: narrowed: minimum is 0"]),
        (model(a=dict[str, int]), model(a=dict[str, str]), ["! payload/a/*: narrowed: integer is not taken any more"]),
        (model(a=int | str), model(a=str), ["! payload/a: narrowed: integer is not taken any more"]),
        (model(a=model(b=int)), model(a=model(b=int, c=int)), ["! payload/a/c: required: it is new and may not be left out"]),
        (model(a=int), Closed, ["! payload: narrowed: members with other names are not taken any more"]),
        (None, model(a=int), ["! payload: narrowed: anything else is not taken any more"]),
    ],
)  # fmt: skip
def test_a_change_of_a_payload(old: Any, new: Any, expected: list[str]):
    assert told(old, new)[: len(expected) or None] == expected


def test_a_name_that_is_still_taken_is_not_removed():
    class Before(BaseModel):
        customer: int

    class After(BaseModel):
        model_config = ConfigDict(populate_by_name=True)

        customer: int = Field(alias="customerId")

    assert [one for one in told(Before, After) if "removed" in one or "renamed" in one] == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (model(a=int), model(a=int, b=str), ["result/b: it is new"]),
        (model(a=int, b=str), model(a=int), ["! result/b: removed: it is not always there any more"]),
        (
            model(a=int),
            model(a=int | None),
            ["! result/a: widened: it may be what it was not before (null is not taken)"],
        ),
        (model(a=int | None), model(a=int), []),
    ],
)
def test_a_change_of_a_result_is_the_other_way_round(old: Any, new: Any, expected: list[str]):
    found = told(old, new, result=True)
    assert [one for one in found if one.startswith("!")] == [one for one in expected if one.startswith("!")]
    assert set(expected) <= set(found)


def test_types_and_queues_that_come_and_go():
    old = {"a": Known(None, None, ("x", "y")), "gone": Known(None, None, ("x",))}
    new = {"a": Known(None, None, ("x", "z")), "new": Known(None, None, ("x",))}
    found = changes(old, new)
    assert list(map(str, found)) == [
        "breaking: a queue: removed: it may not be in y any more",
        "breaking: gone: removed: there is no such job type any more",
        "a queue: it may be in z, too",
        "new: a new job type",
    ]
    assert "workers before producers" in found[3].order


def test_a_type_that_refers_to_itself_is_compared():
    class Before(BaseModel):
        value: int
        children: "list[Before]" = []

    class After(BaseModel):
        value: str
        children: "list[After]" = []

    Before.model_rebuild(_types_namespace={"Before": Before})
    After.model_rebuild(_types_namespace={"After": After})
    assert told(Before, After)[0] == "! payload/value: narrowed: integer is not taken any more"
