"""From JSON Schema, as Pydantic writes it and as others may, to types that belong to no language."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from corral.catalog.payloads.schema import MARK, WORKER
from corral.codegen import names
from corral.codegen.schema_notes import notes
from corral.codegen.typed_model import (
    Anything,
    Boolean,
    Definition,
    ListOf,
    Literal,
    MapOf,
    Named,
    Nothing,
    Null,
    NumberType,
    Record,
    RecordField,
    Text,
    TupleOf,
    Type,
    Whole,
    union,
)
from corral.json_pointer import unescaped

DECIMAL: Final = "decimal"
"""The format of a decimal number as text, which JSON Schema tells by a pattern alone."""
_DECIMAL_PATTERN: Final = "^(?!^[-+.]*$)[+-]?0*"
MAX_TUPLE: Final = 32
"""Places of a tuple that are told apart."""


class SchemaReader:
    """Reads the schema of one payload or result. Its definitions begin with `prefix`."""

    def __init__(self, schema: Any, prefix: str, root: str) -> None:
        """Read it; `root` is the name of the whole."""
        self._schema = schema if isinstance(schema, dict) else {}
        self._prefix = prefix
        self._used = {root}
        self._by_place: dict[int, str] = {}
        self._nodes: list[Any] = []
        self.definitions: dict[str, Definition] = {}
        self._root(schema, root)

    def _root(self, schema: Any, name: str) -> None:
        node = schema
        if isinstance(schema, dict) and not isinstance(schema.get("$ref"), str):
            self._by_place[id(schema)] = name
        self.definitions[name] = Definition(name, Anything())
        told = self._record(node) if _has_members(node) else None
        self.definitions[name] = Definition(name, told or self.type(node, ""), tuple(notes(node)))

    def type(self, node: Any, hint: str) -> Type:  # noqa: C901, PLR0911  a case for each keyword
        """The type that a node describes; `hint` names it where it needs a name."""
        if node is False:
            return Nothing()
        if not isinstance(node, dict):
            return Anything()
        if isinstance(reference := node.get("$ref"), str):
            return self._reference(reference)
        if "const" in node:
            return _literal([node["const"]])
        if isinstance(choices := node.get("enum"), list):
            told = _literal(choices)
            marks = node.get(MARK)
            open_ = isinstance(marks, dict) and WORKER in marks  # as a flag, which takes sums
            return _kinds_of(told) if open_ else told
        for key in ("anyOf", "oneOf"):
            if isinstance(several := node.get(key), list) and several:
                return self._choice(several, hint)
        if isinstance(parts := node.get("allOf"), list) and parts:
            return self._all(node, parts, hint)
        kinds = node.get("type")
        if isinstance(kinds, list):
            return union(self._kind(str(kind), node, hint) for kind in kinds)
        if kinds is None:
            return self._untyped(node, hint)
        return self._kind(str(kinds), node, hint)

    def _untyped(self, node: dict[str, Any], hint: str) -> Type:
        if "properties" in node:
            return self._kind("object", node, hint)
        if "prefixItems" in node:
            return self._kind("array", node, hint)
        return Anything()

    def _kind(self, kind: str, node: dict[str, Any], hint: str) -> Type:  # noqa: PLR0911  a case for each kind
        match kind:
            case "null":
                return Null()
            case "boolean":
                return Boolean()
            case "integer":
                return Whole()
            case "number":
                return NumberType()
            case "string":
                pattern = node.get("pattern")
                decimal = isinstance(pattern, str) and pattern.startswith(_DECIMAL_PATTERN)
                return Text(DECIMAL if decimal else str(node.get("format", "")))
            case "array":
                return self._array(node, hint)
            case "object":
                return self._object(node, hint)
            case _:
                return Anything()

    def _reference(self, reference: str) -> Type:
        node, name = self._at(reference)
        if node is None:
            return Anything()
        return Named(self._defined(node, name))

    def _at(self, reference: str) -> tuple[Any, str]:
        """The node that a reference leads to, and the last part of its path."""
        if not reference.startswith("#"):
            return None, ""
        node: Any = self._schema
        parts = [unescaped(part) for part in reference[1:].split("/") if part]
        for part in parts:
            node = node.get(part) if isinstance(node, dict) else None
        return node if isinstance(node, dict) else None, parts[-1] if parts else "Root"

    def _defined(self, node: dict[str, Any], hint: str) -> str:
        """The name of the definition of that node, made where there is none yet."""
        known = self._by_place.get(id(node))
        if known is not None:
            return known
        name = self._free(self._prefix + names.pascal(hint or str(node.get("title", "")) or "Part"))
        self._by_place[id(node)] = name
        self._nodes.append(node)  # so that its id stays its own
        self.definitions[name] = Definition(name, Anything())  # a reference within finds its name
        told = self._record(node) if _has_members(node) else self.type(node, hint)
        self.definitions[name] = Definition(name, told, tuple(notes(node)))
        return name

    def _free(self, name: str) -> str:
        number, free = 2, name
        while free in self._used:
            number, free = number + 1, f"{name}{number}"
        self._used.add(free)
        return free

    def _choice(self, several: list[Any], hint: str) -> Type:
        read = [self.type(one, hint) for one in several]
        if NumberType() in read and Text() in read:  # so Pydantic describes a decimal number
            read = [Text(DECIMAL) if one == Text() else one for one in read]
        return union(iter(read))

    def _all(self, node: dict[str, Any], parts: list[Any], hint: str) -> Type:
        """What fits all parts: the only one that says something, or an object with the members of all."""
        own = {key: value for key, value in node.items() if key != "allOf"}
        several = [*parts, own] if _tells(own) else parts
        told = [part for part in several if not isinstance(self.type(part, hint), Anything)]
        if not told:
            return Anything()
        if len(told) == 1:
            return self.type(told[0], hint)
        resolved = [self._resolved(part) for part in told]
        if all(map(_has_members, resolved)):
            merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
            for one in resolved:
                merged["properties"] |= one["properties"]
                merged["required"] += one.get("required", [])
            return Named(self._defined(merged, hint))
        return self.type(told[0], hint)

    def _resolved(self, node: Any) -> Any:
        for _ in range(20):
            if not isinstance(node, dict) or not isinstance(reference := node.get("$ref"), str):
                break
            node, _name = self._at(reference)
        return node

    def _array(self, node: dict[str, Any], hint: str) -> Type:
        first, rest = node.get("prefixItems"), node.get("items", True)
        if not isinstance(first, list):
            return ListOf(self.type(rest, hint), unique=node.get("uniqueItems") is True)
        items = tuple(self.type(one, f"{hint}{number}") for number, one in enumerate(first, start=1))
        most, least = node.get("maxItems"), node.get("minItems", 0)
        further = None if rest is False or most == len(items) else self.type(rest, hint)
        if least < len(items) or len(items) > MAX_TUPLE:
            return ListOf(union(iter((*items, *([] if further is None else [further])))))
        return TupleOf(items, further)

    def _object(self, node: dict[str, Any], hint: str) -> Type:
        if _has_members(node):
            return Named(self._defined(node, hint))
        values = [*_schemas(node.get("patternProperties"))]
        rest = node.get("additionalProperties", True)
        if rest is not False and not (values and rest is True):
            values.append(rest)
        return MapOf(union(self.type(one, hint) for one in values))

    def _record(self, node: dict[str, Any]) -> Record:
        required = node.get("required", ())
        wanted = {one for one in required if isinstance(one, str)} if isinstance(required, list) else set()
        fields = tuple(
            RecordField(name, self.type(one, name), name in wanted, tuple(notes(one, of_field=True)))
            for name, one in node["properties"].items()
        )
        rest = node.get("additionalProperties")
        others = [*_schemas(node.get("patternProperties")), *([] if rest in (None, False) else [rest])]
        return Record(fields, union(self.type(one, "more") for one in others) if others else None)


def _literal(values: list[Any]) -> Type:
    """Literals of those that every language has; of fractions and objects only their type."""
    plain = tuple(value for value in values if value is None or isinstance(value, str | int))
    others: list[Type] = []
    for value in values:
        match value:
            case None | str() | int():
                continue
            case float():
                others.append(NumberType())
            case list():
                others.append(ListOf(Anything()))
            case _:
                others.append(MapOf(Anything()))
    unique = tuple({(type(value), value): value for value in plain}.values())
    told = [Literal(unique), *others] if unique else others
    return union(iter(told)) if told else Nothing()


def _kinds_of(told: Type) -> Type:
    """Of literals the types that they are of."""
    if not isinstance(told, Literal):
        return told
    kinds: dict[type, Type] = {str: Text(), int: Whole(), bool: Boolean(), type(None): Null()}
    return union(kinds[type(value)] for value in told.values)


def _has_members(node: Any) -> bool:
    return (
        isinstance(node, dict)
        and isinstance(node.get("properties"), dict)
        and "$ref" not in node
        and (node.get("type", "object") == "object")
    )


def _tells(node: Mapping[str, Any]) -> bool:
    return bool({"type", "properties", "anyOf", "oneOf", "enum", "const", "$ref"} & node.keys())


def _schemas(named: Any) -> Iterator[Any]:
    yield from named.values() if isinstance(named, dict) else ()
