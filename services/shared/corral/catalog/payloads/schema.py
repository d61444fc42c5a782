"""The JSON Schema of a payload's model, with marks where the model takes more than the schema can say.

Whoever reads JSON Schema passes over the marks. `corral.catalog.payloads.judgement` follows them, so that a publisher, which
does not have the model, never refuses what the model would take.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from pydantic import SkipValidation, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

MARK: Final = "x-corral"
"""The member that holds the marks of a node."""
WORKER: Final = "worker"
"""Why the worker alone can judge this."""
STRICT: Final = "strict"
"""The model takes the very JSON type alone: no "5" for a whole number."""
TRIMMED: Final = "trimmed"
"""The model strips white space before it looks at length and pattern."""
PATTERN: Final = "pattern"
"""Why the worker alone can judge the pattern."""
NAMES: Final = "names"
"""Of an object: further names under which fields may be given, by the name that the schema says."""
OPEN: Final = "open"
"""Of an object: names that may be given, and whose content the schema does not tell."""

READ_BY_PYDANTIC: Final = frozenset(
    f"ip{version}{kind}"
    for version in ("v4", "v6", "vany")
    for kind in ("", "address", "network", "interface")
)
"""Formats of types that Pydantic reads by functions of its own."""
OWN = "a validator of its own reads it first"


def payload_schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """What a publisher judges payloads by. A model that has no schema is judged by the worker."""
    return _made(adapter, "validation")


def result_schema_of(adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """What a result looks like, for whoever reads it."""
    return _made(adapter, "serialization")


def _made(adapter: TypeAdapter[Any], mode: JsonSchemaMode) -> dict[str, Any]:
    try:
        return adapter.json_schema(mode=mode, schema_generator=_Generator)
    except Exception as error:  # noqa: BLE001  # models may describe themselves by code of their own
        return _worker(f"it has no JSON Schema: {type(error).__name__}: {error}"[:300])


def _worker(reason: str) -> dict[str, Any]:
    return {MARK: {WORKER: reason}}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator of JSON Schema, which also marks where the model takes more than the schema says."""

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """What is described otherwise than it is validated."""
        made = super().generate_inner(schema)
        functions = schema.get("metadata", {}).get("pydantic_js_annotation_functions", ())
        if schema["type"] == "any" and any(one.__module__ == SkipValidation.__module__ for one in functions):
            return self._marked(made, **{WORKER: "nothing validates it"})
        if schema["type"] == "function-plain" and made and made.get("format") not in READ_BY_PYDANTIC:
            return self._own(made, schema)  # a type that reads everything itself, and says what it likes
        return made

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        """What JSON Schema has no words for."""
        return _worker("JSON Schema has no words for it")

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """A validator that is called before the type is looked at."""
        return self._own(super().function_before_schema(schema), schema)

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        """A validator that may do without the type's own."""
        return self._own(super().function_wrap_schema(schema), schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default that may stand in for what is wrong."""
        made = super().default_schema(schema)
        forgiving = schema.get("on_error", "raise") != "raise"
        return (
            self._marked(made, **{WORKER: "its default stands in for what is wrong"}) if forgiving else made
        )

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """An enumeration that may make a member of anything."""
        made = super().enum_schema(schema)
        own = getattr(schema["cls"]._missing_, "__func__", None)  # flags have one that takes sums
        if own is not Enum.__dict__["_missing_"].__func__:
            return self._marked(made, **{WORKER: "its _missing_ may take it"})
        return made

    def generator_schema(self, schema: core_schema.GeneratorSchema) -> JsonSchemaValue:
        """Items that are looked at when the handler asks for them."""
        return self._marked(super().generator_schema(schema), **{WORKER: "its items are read by the handler"})

    def complex_schema(self, schema: core_schema.ComplexSchema) -> JsonSchemaValue:
        """A complex number, which Pydantic describes as text alone."""
        return self._marked(super().complex_schema(schema), **{WORKER: "it is a complex number"})

    def named_tuple_schema(self, schema: core_schema.NamedTupleSchema) -> JsonSchemaValue:
        """A list, or an object with the names."""
        return self._marked(super().named_tuple_schema(schema), **{WORKER: "it is a list or an object"})

    def call_schema(self, schema: core_schema.CallSchema) -> JsonSchemaValue:
        """The arguments of a call, likewise."""
        return self._marked(super().call_schema(schema), **{WORKER: "it is a list or an object"})

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """Text that may be trimmed, made of numbers, or matched by Python's own regular expressions."""
        marks: dict[str, Any] = {}
        if schema.get("strip_whitespace", self._config.str_strip_whitespace):
            marks[TRIMMED] = True
        if schema.get("coerce_numbers_to_str", self._config.coerce_numbers_to_str):
            marks[WORKER] = "it takes numbers as text"
        if "pattern" in schema and schema.get("regex_engine", self._config.regex_engine) == "python-re":
            marks[PATTERN] = "Python's own regular expressions match it"
        return self._marked(super().str_schema(schema), **marks)

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """A whole number."""
        return self._scalar(super().int_schema(schema), schema)

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """A number."""
        return self._scalar(super().float_schema(schema), schema)

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        """True or false."""
        return self._scalar(super().bool_schema(schema), schema)

    def _scalar(self, made: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
        return self._marked(made, **{STRICT: True}) if schema.get("strict", self._config.strict) else made

    def _own(self, made: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
        """Of a validator that says itself what it takes (`json_schema_input_type`), all is known."""
        return made if schema.get("json_schema_input_schema") else self._marked(made, **{WORKER: OWN})

    def _marked(self, made: JsonSchemaValue, **marks: Any) -> JsonSchemaValue:
        if self.mode != "validation" or not marks:
            return made
        return {**made, MARK: {**made.get(MARK, {}), **marks}}

    def _named_required_fields_schema(
        self, named_required_fields: Sequence[tuple[str, bool, Any]]
    ) -> JsonSchemaValue:
        """An object whose fields may have several names, or be left out of the schema."""
        made = super()._named_required_fields_schema(named_required_fields)
        names: dict[str, list[str]] = {}
        opened: set[str] = set()
        for name, _, field in named_required_fields if self.mode == "validation" else ():
            said = self._get_alias_name(field, name)
            whole, parts = self._taken(field, name)
            if said not in made["properties"]:
                opened |= whole | parts
            elif whole | parts != {said}:
                names[said] = sorted(whole | parts)
                opened |= parts - whole
        marks = {NAMES: names} if names else {}
        return self._marked(made, **marks, **({OPEN: sorted(opened)} if opened else {}))

    def _taken(self, field: Any, name: str) -> tuple[set[str], set[str]]:
        """The names under which a field may be given: as they are, and as the beginning of a path."""
        alias = field.get("validation_alias")
        by_name = self._config.validate_by_name or self._config.populate_by_name
        if alias is None or self._config.validate_by_alias is False:
            return {name}, set()
        paths = [[alias]] if isinstance(alias, str) else [alias] if isinstance(alias[0], str) else alias
        whole = {str(path[0]) for path in paths if len(path) == 1} | ({name} if by_name else set())
        return whole, {str(path[0]) for path in paths if len(path) > 1}
