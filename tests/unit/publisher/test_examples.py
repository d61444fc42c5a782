"""The examples of the types that come with Corral, through their forms, and the order in which types are offered."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from corral.catalog import Catalog
from corral.catalog.catalog import declaring_modules
from corral_publisher.pages.forms.form import FieldKind, fields_of, payload_of
from corral_publisher.pages.forms.kinds import BY_CORRAL, FIRST, grouped
from corral_publisher.pages.forms.text import texts_of

SHIPPED = Catalog.load(declaring_modules([], demo=True))
RECORDS = {record.name: record for record in SHIPPED.records()}
EXAMPLES = [
    (name, example)
    for name, record in RECORDS.items()
    for example in (record.payload_schema or {}).get("examples", ())
]


@pytest.mark.parametrize(
    ("name", "example"), EXAMPLES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(EXAMPLES)]
)
def test_an_example_survives_its_form_and_its_model(name: str, example: dict[str, Any]):
    fields = fields_of(RECORDS[name].payload_schema)
    texts = texts_of(fields, example)
    sent = {field.pointer: field.default for field in fields if field.kind is not FieldKind.GROUP} | texts
    sent = {pointer: text.replace("\n", "\r\n") for pointer, text in sent.items()}  # as browsers send it
    payload = payload_of(fields, sent)
    assert {key: payload.get(key) for key in example} == example
    adapter: TypeAdapter[Any] | None = SHIPPED.types[name].payload_adapter
    assert adapter is not None
    adapter.validate_json(adapter.dump_json(adapter.validate_python(payload, strict=False), by_alias=True))


def test_each_type_that_people_submit_has_an_example_or_works_without_one():
    without = {
        name
        for name, record in RECORDS.items()
        if record.payload_schema and record.payload_schema.get("required") and name not in dict(EXAMPLES)
    }
    assert without <= BY_CORRAL


def test_a_text_or_several_are_lines():
    (field, *_) = fields_of(RECORDS["email.send"].payload_schema)
    assert (field.pointer, field.kind) == ("/to", FieldKind.LINES)
    rest = {"/subject": "Hello", "/body": "x"}
    fields = fields_of(RECORDS["email.send"].payload_schema)
    assert payload_of(fields, rest | {"/to": "a@b.example\r\n"})["to"] == "a@b.example"
    assert payload_of(fields, rest | {"/to": "a@b.example\r\n c@d.example"})["to"] == [
        "a@b.example",
        "c@d.example",
    ]


def test_a_text_that_must_be_one_line_is_no_text_area():
    subject = next(f for f in fields_of(RECORDS["email.send"].payload_schema) if f.pointer == "/subject")
    assert subject.kind is FieldKind.TEXT
    odd = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 500, "pattern": "(?<n>["}}}
    assert fields_of(odd)[0].kind is FieldKind.LONG


def test_the_four_kinds_come_first_and_what_corral_submits_last():
    groups = grouped([*RECORDS, "acme.quote"])
    assert groups[0][1] == tuple(FIRST)
    assert "acme.quote" in groups[1][1]
    assert set(groups[2][1]) == BY_CORRAL
    assert sorted(name for _, names in groups for name in names) == sorted([*RECORDS, "acme.quote"])
    assert grouped(["acme.quote"]) == (("All others", ("acme.quote",)),)
    assert grouped([]) == ()
