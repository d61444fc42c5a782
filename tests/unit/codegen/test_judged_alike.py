"""What generated clients refuse the publisher refuses, with the same pointers and words; and the other way round."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.fixtures.typescript import compiled, needs_typescript, node
from tests.unit.catalog.models import MODELS
from tests.unit.catalog.test_judgement import INSTANCES, TYPES
from tests.unit.catalog.values import VALUES
from tests.unit.codegen.everything import Order, catalog
from tests.unit.codegen.loading import importing

from corral.catalog.payloads.schema import payload_schema_of
from corral.catalog.payloads.validation import Validator
from corral.catalog.record import TypeRecord
from corral.codegen import generate
from corral.codegen.rules import rules_of
from corral.errors import InvalidInput

Told = list[tuple[str, str]]
BY_PUBLISHER = (
    *("date", "datetime", "aware", "naive", "time", "timedelta", "past", "strict date", "union of dates"),
    *("dict of dates", "HttpUrl", "AnyHttpUrl", "AnyUrl", "AmqpDsn", "ByteSize"),
    *("IPv4", "IPv6", "IPvAny", "IPv4Network", "IPv6Interface", "IPvAnyNetwork", "IPvAnyInterface"),
    *("UUID", "UUID4", "dict of UUIDs"),
)
"""Models of which a client leaves some values to the publisher: rare spellings of times and addresses."""


def validator(model: Any) -> Validator:
    return Validator(TypeRecord("test", payload_schema_of(TypeAdapter(model)), None, {}, "1"))


def by_publisher(judge: Validator, value: Any) -> Told:
    try:
        judge.check(value)
    except InvalidInput as refused:
        return sorted((one.pointer, one.message) for one in refused.errors)
    return []


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("alike")
    generate("python", catalog(), folder / "alike_client")
    with importing(folder, "alike_client") as package:
        yield package


def by_client(package: ModuleType, rules: dict[str, Any], value: Any) -> Told:
    validation = package.validation
    try:
        validation.check(rules, value)
    except validation.InvalidPayload as refused:
        return sorted((one.pointer, one.message) for one in refused.errors)
    return []


def alike(name: str, publisher: Told, client: Told) -> bool:
    return client == publisher or (not client and name in BY_PUBLISHER)


def test_python_judges_every_model_as_the_publisher_does(generated: ModuleType):
    refused = 0
    for number, (name, model) in enumerate(MODELS.items()):
        judge, rules = validator(model), rules_of(payload_schema_of(TypeAdapter(model)))
        for value in VALUES[number % 3 :: 3]:
            publisher = by_publisher(judge, value)
            assert alike(name, publisher, by_client(generated, rules, value)), (name, value, publisher)
            refused += bool(publisher)
    assert refused > 2000


@settings(max_examples=25, deadline=None)
@given(TYPES, st.lists(INSTANCES, min_size=8, max_size=8))
def test_so_it_is_with_whatever_is_made_of_them(generated: ModuleType, model: Any, values: list[Any]):
    schema = payload_schema_of(TypeAdapter(model))
    judge, rules = validator(model), rules_of(schema)
    for value in values:
        if by_client(generated, rules, value):
            assert by_publisher(judge, value), value


ORDER = {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "items": [{"sku": "AB-1"}],
    "payment": {"kind": "card", "number": "1"},
}


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from([*Order.model_fields, "more"]), INSTANCES, max_size=4))
def test_an_order_is_judged_alike_whatever_is_in_it(generated: ModuleType, changed: dict[str, Any]):
    assume("id" not in changed)
    judge, rules = validator(Order), rules_of(payload_schema_of(TypeAdapter(Order)))
    value = ORDER | changed
    publisher, client = by_publisher(judge, value), by_client(generated, rules, value)
    times = {"/payload/placed_at", "/payload/day", "/payload/at", "/payload/within"}
    assert set(client) <= set(publisher)
    assert {pointer for pointer, _ in set(publisher) - set(client)} <= times


def safe(value: Any) -> bool:
    """Whether JavaScript has the same value: it has no fractions that are whole, and no large whole numbers."""
    match value:
        case bool() | str() | None:
            return True
        case int() | float():
            return abs(value) < 2**53 and not (isinstance(value, float) and value.is_integer())
        case list():
            return all(map(safe, value))
        case _:
            return all(map(safe, value.values()))


JUDGE = """
import { readFileSync } from "node:fs";
import { check, InvalidPayload } from "./out/acme/validation.js";
const told = (rules, value) => {
  try { check(rules, value); return []; } catch (error) {
    if (!(error instanceof InvalidPayload)) throw error;
    return error.errors.map((one) => [one.pointer, one.message]);
  }
};
const cases = JSON.parse(readFileSync("cases.json", "utf8"));
console.log(JSON.stringify(cases.map((one) => one.values.map((value) => told(one.rules, value)))));
"""


@needs_typescript
def test_typescript_judges_every_model_as_the_publisher_does(tmp_path: Path):
    generate("typescript", catalog(), tmp_path / "src" / "acme")
    assert compiled(tmp_path) == ""
    cases, expected = [], []
    for number, (name, model) in enumerate(MODELS.items()):
        values = [value for value in VALUES[number % 3 :: 3] if safe(value)]
        judge = validator(model)
        cases.append({"rules": rules_of(payload_schema_of(TypeAdapter(model))), "values": values})
        expected.append([(name, value, by_publisher(judge, value)) for value in values])
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    (tmp_path / "judge.mjs").write_text(JUDGE)
    answers = json.loads(node("judge.mjs", folder=tmp_path))
    compared = 0
    for several, told in zip(expected, answers, strict=True):
        for (name, value, publisher), client in zip(several, told, strict=True):
            assert alike(name, publisher, sorted(map(tuple, client))), (name, value, publisher, client)
            compared += bool(publisher)
    assert compared > 2000
