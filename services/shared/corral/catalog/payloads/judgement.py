"""What a publisher judges of a payload: its registered schema, made as generous as the model is.

What the schema can't say, or the publisher can't judge, is left to the worker, and named: the whole schema is never
given up for one of its parts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from corral.catalog.payloads.schema import MARK, NAMES, OPEN, PATTERN, STRICT, TRIMMED, WORKER
from corral.catalog.payloads.taken import JUDGED, KEYS, KEYWORD, OF_RFC, Taken, compiles, widens

Schema = dict[str, Any] | bool

_ONE: Final = frozenset(
    {
        "items",
        "additionalProperties",
        "contains",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_SEVERAL: Final = frozenset({"prefixItems", "allOf", "anyOf", "oneOf"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_TURNED: Final = frozenset({"not", "if"})
"""What is generous below these is strict above."""
_LENGTHS: Final = frozenset({"minLength", "maxLength"})
_ENCODED: Final = frozenset({"binary", "base64", "base64url"})
"""Texts whose length is counted in bytes, or when they are decoded."""
ENGINE: Final = jsonschema_rs.RegexOptions()
"""The engine without backtracking: a pattern can't be made to take seconds."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A place of a payload that only a worker can check, and the reason."""

    place: str
    """`/lines/*/amount`; within a definition with its name in front."""
    reason: str

    def __str__(self) -> str:
        return f"{self.place or 'the whole payload'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The schema by which a publisher checks payloads, and the places that it leaves to the worker."""

    schema: Schema
    validator: jsonschema_rs.Draft202012Validator
    unjudged: tuple[Unjudged, ...]


def judgement_of(schema: Schema) -> Judgement:
    """How a publisher checks payloads by this schema. Where it can't be compiled, the worker checks everything."""
    generous = _Generous()
    try:
        made = generous.node(schema, "")
        return Judgement(made, _compiled(made), tuple(dict.fromkeys(generous.unjudged)))
    except (ValueError, TypeError, AttributeError, RecursionError, jsonschema_rs.ReferencingError) as error:
        reason = f"its schema is not valid: {str(error).partition(chr(10))[0]}"[:300]
        return Judgement(True, _compiled(True), (Unjudged("", reason),))


def _compiled(schema: Schema) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        schema,
        # What judges formats is Pydantic; these are the RFCs' own, and only save the question.
        validate_formats=True,
        keywords={KEYWORD: Taken},
        pattern_options=ENGINE,
        offline=True,
    )


class _Generous:
    """Makes one schema generous, node by node."""

    def __init__(self) -> None:
        self.unjudged: list[Unjudged] = []

    def node(self, schema: Any, place: str) -> Any:
        """The node as it is judged."""
        if not isinstance(schema, dict):
            return schema
        marks = schema.get(MARK)
        marks = marks if isinstance(marks, dict) else {}
        if (reason := marks.get(WORKER) or _unreachable(schema)) is not None:
            return self._left(place, str(reason), {})
        made = {key: self._keyword(key, value, place) for key, value in schema.items() if key != MARK}
        self._set(made)
        self._keys(made, place)
        self._conditions(schema, made, place)
        self._names(made, marks)
        return self._scalar(schema, made, marks, place)

    def _left(self, place: str, reason: str, made: Any) -> Any:
        self.unjudged.append(Unjudged(place, reason))
        return made

    def _keyword(self, key: str, value: Any, place: str) -> Any:
        if key in _ONE:
            below = {"items": "/*", "additionalProperties": "/*", "contains": "/*"}.get(key, "")
            return self.node(value, place + below)
        if key in _SEVERAL and isinstance(value, list):
            below = "/*" if key == "prefixItems" else ""
            return [self.node(one, place + below) for one in value]
        if key in _NAMED and isinstance(value, dict):
            return {name: self.node(one, _below(place, key, name)) for name, one in value.items()}
        return value

    def _set(self, made: dict[str, Any]) -> None:
        """A set takes what is there twice, and counts it once. What is generous may fit twice."""
        if made.get("uniqueItems") is True:
            made.pop("uniqueItems")
            made.pop("maxItems", None)

    def _keys(self, made: dict[str, Any], place: str) -> None:
        """Patterns of keys that this engine can't match are dropped; the values under such keys are still checked."""
        patterns = made.get("patternProperties")
        if not isinstance(patterns, dict):
            return
        for pattern in [one for one in patterns if not _matches(one)]:
            value = patterns.pop(pattern)
            if made.get("additionalProperties", True) in (True, False):
                made["additionalProperties"] = (
                    value if len(patterns) == 0 and "properties" not in made else True
                )
            self._left(place, "the pattern of its keys needs an engine that backtracks, as Python's", None)

    def _conditions(self, schema: dict[str, Any], made: dict[str, Any], place: str) -> None:
        choices = schema.get("oneOf")
        if isinstance(choices, list) and (made["oneOf"] != choices or any(map(_refers, choices))):
            made["allOf"] = [*made.get("allOf", ()), {"anyOf": made.pop("oneOf")}]
        for key in _TURNED & schema.keys():
            if not _plain(schema[key]):
                made.pop(key)
                if key == "if":
                    made.pop("then", None)
                    made.pop("else", None)
                self._left(place, f"its schema has a condition ({key}) that the publisher can't judge", None)

    def _names(self, made: dict[str, Any], marks: Mapping[str, Any]) -> None:
        """Let fields be given under each of their names."""
        fields = made.get("properties")
        if not isinstance(fields, dict):
            return
        required = list(made.get("required", ()))
        for name, names in marks.get(NAMES, {}).items():
            field = fields.get(name, {})
            if name not in names:
                fields.pop(name, None)
            for other in names:
                fields.setdefault(other, {} if other in marks.get(OPEN, ()) else field)
            if name in required:
                required.remove(name)
                made["allOf"] = [*made.get("allOf", ()), {"anyOf": [{"required": [one]} for one in names]}]
        for name in marks.get(OPEN, ()):
            fields.setdefault(name, {})
        if "required" in made:
            made["required"] = required

    def _scalar(
        self, schema: dict[str, Any], made: dict[str, Any], marks: Mapping[str, Any], place: str
    ) -> Schema:
        """What Pydantic takes for a scalar, where that is more than the schema says."""
        scalar = {key: schema[key] for key in KEYS & schema.keys()}
        if marks.get(STRICT) and not isinstance(made.get("multipleOf", 1), int):
            made.pop("multipleOf")  # which numbers are multiples of a fraction depends on who divides
        _format(made, scalar)
        alone = self._pattern(made, scalar, marks, place)
        if marks.get(TRIMMED):
            scalar |= {key: schema[key] for key in _LENGTHS & schema.keys()} | {TRIMMED: True}
        if alone:  # jsonschema-rs reads patterns in JavaScript's dialect, Pydantic in Rust's
            rest = {
                key: value for key, value in made.items() if key not in _LENGTHS or not marks.get(TRIMMED)
            }
            return _with_definitions(rest, {"allOf": [rest, {KEYWORD: scalar}]})
        if "type" in scalar and scalar.get("format", "") not in OF_RFC | {""}:
            rest = {key: value for key, value in made.items() if key not in KEYS | _LENGTHS}
            return _with_definitions(rest, {"allOf": [rest, {KEYWORD: scalar}]})
        if marks.get(STRICT) or not widens(scalar):
            return made
        return _with_definitions(made, {"anyOf": [made, {KEYWORD: scalar}]})

    def _pattern(
        self, made: dict[str, Any], scalar: dict[str, Any], marks: Mapping[str, Any], place: str
    ) -> bool:
        """Leave out what can't be judged; answers whether Pydantic alone can."""
        pattern = scalar.get("pattern")
        if not isinstance(pattern, str):
            return False
        reason = marks.get(PATTERN)
        if reason is None and not compiles(pattern):
            reason = "its pattern needs an engine that backtracks, as Python's"
        if reason is not None:
            scalar.pop("pattern")
            self._left(place, str(reason), None)
        if reason is not None or not _matches(pattern):
            made.pop("pattern")
        return reason is None and "pattern" not in made


def _format(made: dict[str, Any], scalar: dict[str, Any]) -> None:
    """Keep the formats that some type of Pydantic's reads, and no length that is counted otherwise."""
    if made.get("format") in _ENCODED:
        for key in _LENGTHS:
            made.pop(key, None)
    if made.get("format") not in JUDGED:
        made.pop("format", None)
        scalar.pop("format", None)


def _with_definitions(made: dict[str, Any], around: dict[str, Any]) -> dict[str, Any]:
    """References begin at the root: what they lead to stays there."""
    for key in ("$defs", "definitions"):
        if key in made:
            around[key] = made.pop(key)
    return around


def _unreachable(schema: Mapping[str, Any]) -> str | None:
    reference = schema.get("$ref", "#")
    if isinstance(reference, str) and reference.startswith("#"):
        return None
    return f"its schema refers to {reference!r:.100}, which the publisher does not fetch"


def _below(place: str, key: str, name: str) -> str:
    match key:
        case "$defs" | "definitions":
            return name
        case "patternProperties":
            return f"{place}/*"
        case "dependentSchemas":
            return place
        case _:
            return f"{place}/{name}"


def _plain(schema: Any) -> bool:
    """Whether a condition can be judged to the letter: no marks, no patterns of others, nothing made generous."""
    return all(
        MARK not in node and "$ref" not in node and _matches(node.get("pattern", ""))
        for node in _nodes(schema)
    )


def _refers(schema: Any) -> bool:
    return any("$ref" in node for node in _nodes(schema))


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    stack = [schema]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            yield item
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _matches(pattern: Any) -> bool:
    """Whether the validator's engine takes a pattern."""
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=ENGINE, offline=True)
    except ValueError:
        return False
    return True
