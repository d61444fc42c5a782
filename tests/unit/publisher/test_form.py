"""Forms from JSON Schema, and the payloads that they mean."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from corral.catalog.record import record_of
from corral.errors import InvalidInput
from corral_jobs import demo, report
from corral_publisher.pages.forms.form import FieldKind, fields_of, payload_of


class Address(BaseModel):
    street: str
    number: int | None = None


class Order(BaseModel):
    name: str
    group_by: str | None = None
    count: Annotated[int, Field(ge=1, le=9)] = 1
    price: float = 0.5
    rush: bool = False
    size: Literal["small", "large"] = "small"
    tags: list[str] = []
    weights: list[float] = []
    address: Address
    billing: Address | None = None
    rows: list[dict[str, Any]] = []
    anything: Any = None
    notes: Annotated[str, Field(max_length=1000)] = ""
    csv: Annotated[str | None, Field(json_schema_extra={"contentMediaType": "text/csv"})] = None
    odd_name: Annotated[str, Field(alias="a/b~c")] = ""


FIELDS = fields_of(TypeAdapter(Order).json_schema())


def test_every_kind_of_field_is_recognised():
    kinds = {field.pointer: field.kind for field in FIELDS}
    assert kinds == {
        "/name": FieldKind.TEXT,
        "/group_by": FieldKind.TEXT,
        "/count": FieldKind.INTEGER,
        "/price": FieldKind.NUMBER,
        "/rush": FieldKind.BOOLEAN,
        "/size": FieldKind.CHOICE,
        "/tags": FieldKind.LINES,
        "/weights": FieldKind.LINES,
        "/address": FieldKind.GROUP,
        "/billing": FieldKind.GROUP,
        "/rows": FieldKind.JSON,
        "/anything": FieldKind.JSON,
        "/notes": FieldKind.LONG,
        "/csv": FieldKind.FILE_TEXT,
        "/a~1b~0c": FieldKind.TEXT,
    }
    by_name = {field.pointer: field for field in FIELDS}
    assert (by_name["/count"].least, by_name["/count"].most, by_name["/count"].default) == (1, 9, "1")
    assert by_name["/size"].choices == ("small", "large")
    assert [(field.pointer, field.required) for field in by_name["/address"].fields] == [
        ("/address/street", True),
        ("/address/number", False),
    ]
    assert (by_name["/group_by"].label, by_name["/csv"].label) == ("Group by", "CSV")


def test_texts_of_several_kinds_are_texts():
    line = Annotated[str, Field(pattern="^[a-z]+$")]
    mail = Annotated[str, Field(pattern="^[a-z]+@[a-z]+$")]

    class Target(BaseModel):
        to: line | mail
        otherwise: list[line | mail] = []
        why: line | str = ""
        or_number: line | int = "x"

    fields = fields_of(TypeAdapter(Target).json_schema())
    assert [field.kind for field in fields] == [
        FieldKind.TEXT,
        FieldKind.LINES,
        FieldKind.LONG,
        FieldKind.JSON,
    ]
    sent = {"/to": "ops", "/otherwise": "a@b\r\n\nc", "/why": "", "/or_number": '"y"'}
    assert payload_of(fields, sent) == {"to": "ops", "otherwise": ["a@b", "c"], "or_number": "y"}


def test_a_sent_form_is_the_payload_it_looks_like():
    sent = {
        "/name": "Ann",
        "/group_by": "",
        "/count": "3",
        "/price": "2",
        "/rush": "true",
        "/size": "large",
        "/tags": "a\r\n\r\n b \r\n",
        "/weights": "1\n2.5",
        "/address/street": "Main",
        "/address/number": "",
        "/rows": '[{"a": 1}]',
        "/notes": "line\r\nline",
        "/a~1b~0c": "odd",
    }
    payload = payload_of(FIELDS, sent)
    assert payload == {
        "name": "Ann",
        "count": 3,
        "price": 2,
        "rush": True,
        "size": "large",
        "tags": ["a", "b"],
        "weights": [1, 2.5],
        "address": {"street": "Main"},
        "rows": [{"a": 1}],
        "notes": "line\nline",
        "a/b~c": "odd",
    }
    TypeAdapter(Order).validate_python(payload)


def test_what_can_not_be_read_is_named():
    sent = {"/name": "x", "/count": "many", "/rows": "{", "/weights": "1\nx", "/address/street": "M"}
    with pytest.raises(InvalidInput) as caught:
        payload_of(FIELDS, sent)
    assert sorted(error.pointer for error in caught.value.errors) == [
        "/payload/count",
        "/payload/rows",
        "/payload/weights",
    ]


@pytest.mark.parametrize(
    "schema",
    [None, {"type": "array"}, {"type": "object"}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}],
)
def test_what_is_no_plain_object_is_one_field_of_json(schema: dict[str, Any] | None):
    (field,) = fields_of(schema)
    assert (field.pointer, field.kind) == ("", FieldKind.JSON)
    assert payload_of((field,), {"payload": "[1, 2]"}) == [1, 2]
    assert payload_of((field,), {}) == {}
    with pytest.raises(InvalidInput):
        payload_of((field,), {"payload": "{"})


def test_a_schema_that_refers_to_itself_ends():
    tree = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"$ref": "#/$defs/Node"}, "name": {"type": "string"}},
            }
        },
    }
    assert len(fields_of(tree)) == 2
    assert fields_of({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}})


@pytest.mark.parametrize("kind", [demo.echo, demo.sleep, demo.cpu, demo.fail, report.generate])
def test_the_shipped_types_have_forms(kind: Any):
    fields = fields_of(record_of(kind).payload_schema)
    assert fields
    if kind is report.generate:
        kinds = {field.pointer: field.kind for field in fields}
        assert (kinds["/title"], kinds["/csv"], kinds["/source"]) == (
            FieldKind.TEXT,
            FieldKind.FILE_TEXT,
            FieldKind.CHOICE,
        )
        assert fields[0].pointer == "/title", "in the order of the declaration"
