"""What a generated client judges payloads by: the publisher's own judgement, with its words, as plain JSON.

`corral.catalog.payloads.judgement` says what a publisher refuses. Here it is made ready for a small interpreter in any
language: references are names, words for what is allowed are written out by the publisher's own code, and what the
interpreter can't judge as the publisher does is marked `unsure`. Whatever is unsure is taken, and left to the publisher.
"""

from collections.abc import Mapping
from typing import Any, Final

from corral.catalog.payloads.allowed import Allowed, count_of, either, fields_of, scalar_of
from corral.catalog.payloads.judgement import Schema, judgement_of
from corral.catalog.payloads.schema import TRIMMED
from corral.catalog.payloads.taken import KEYWORD
from corral.codegen.patterns import translated
from corral.job.shown import shown
from corral.json_pointer import unescaped

Rule = dict[str, Any] | bool

_KEPT: Final = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("required", "format"),
)
_TOLD: Final = frozenset(
    {*_KEPT, "type", "enum", "const", "pattern", "anyOf", "oneOf", "not", "if", KEYWORD} - {"required"}
)
"""What may be refused in words of what is allowed."""
_ANNOTATIONS: Final = frozenset(
    {
        *("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly"),
        *("$schema", "$id", "$comment", "$defs", "definitions", "discriminator", "$ref", "$anchor"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    }
)
_JUDGED: Final = frozenset(
    {
        *("properties", "patternProperties", "additionalProperties", "propertyNames"),
        *(
            "items",
            "prefixItems",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "then",
            "else",
            "type",
            "enum",
            "const",
        ),
        *("pattern", KEYWORD),
        *_KEPT,
    }
)
_UNSURE_WITHIN: Final = frozenset({KEYWORD, "format", "pattern", "$ref"})


def rules_of(schema: Any) -> dict[str, Rule]:
    """The rules of a payload's schema, by name; the whole payload's is named `` (nothing)."""
    if schema is None:
        return {"": True}
    return _Rules(judgement_of(schema).schema).all()


class _Rules:
    """Makes the rules of one judged schema."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._allowed = Allowed(schema)
        self._made: dict[str, Rule] = {}
        self._waiting: dict[str, Any] = {}

    def all(self) -> dict[str, Rule]:
        rules = {"": self._rule(self._root, None)}
        while self._waiting:
            name, node = self._waiting.popitem()
            self._made[name] = True
            self._made[name] = self._rule(node, None)
        return rules | dict(sorted(self._made.items()))

    def _rule(self, node: Any, above: Any) -> Rule:
        """One node; `above` is the one whose `allOf` it stands in."""
        if not isinstance(node, dict):
            return node is not False
        if _widened(node):  # what JSON Schema takes of a scalar the interpreter takes, too
            return {"taken": self._scalar(node["anyOf"][1][KEYWORD]), "says": self._allowed.words(node)}
        rule: dict[str, Any] = {key: node[key] for key in _KEPT if key in node}
        if isinstance(kinds := node.get("type"), str | list):
            rule["type"] = [kinds] if isinstance(kinds, str) else kinds
        self._values(node, rule)
        self._pattern(node, rule)
        self._members(node, rule)
        if isinstance(reference := node.get("$ref"), str):
            rule["ref"] = self._reference(reference)
        for key in ("allOf", "anyOf", "oneOf"):
            if isinstance(several := node.get(key), list):
                rule[key] = [self._rule(one, node if key == "allOf" else None) for one in several]
        self._condition(node, rule)
        self._choice(node, above, rule)
        if _TOLD & node.keys():
            rule["says"] = self._allowed.words(node)
        if node.keys() - _JUDGED - _ANNOTATIONS - {key for key in node if key.startswith("x-")}:
            rule["unsure"] = True
        return rule or True

    def _values(self, node: Mapping[str, Any], rule: dict[str, Any]) -> None:
        if "const" in node:
            rule["enum"] = [node["const"]]
            rule["constant"] = True
        if isinstance(choices := node.get("enum"), list):
            rule["enum"] = choices
        if KEYWORD in node:
            rule["taken"] = self._scalar(node[KEYWORD])

    def _scalar(self, scalar: Mapping[str, Any]) -> dict[str, Any]:
        """A scalar as Pydantic takes it."""
        taken = {key: scalar[key] for key in sorted(scalar.keys() - {"pattern", "const", TRIMMED})}
        kinds = scalar.get("type", ["string"] if {"format", "pattern"} & scalar.keys() else [])
        taken["type"] = [kinds] if isinstance(kinds, str) else kinds
        if "const" in scalar:
            taken["enum"] = [scalar["const"]]
        if scalar.get(TRIMMED):
            taken["trimmed"] = True
        self._pattern(scalar, taken)
        return taken

    def _pattern(self, node: Mapping[str, Any], rule: dict[str, Any]) -> None:
        if not isinstance(pattern := node.get("pattern"), str):
            return
        known = translated(pattern)
        if known is None:
            rule["unsure"] = True
        else:
            rule["pattern"] = {"python": known.python, "javascript": known.javascript}
            if known.ascii_only:
                rule["pattern"]["ascii"] = True

    def _members(self, node: Mapping[str, Any], rule: dict[str, Any]) -> None:
        if isinstance(members := node.get("properties"), dict):
            rule["properties"] = {name: self._rule(one, None) for name, one in members.items()}
        if isinstance(keyed := node.get("patternProperties"), dict):
            rule["keyed"] = [self._keyed(pattern, one) for pattern, one in keyed.items()]
        for key in ("items", "additionalProperties", "propertyNames"):
            if key in node:
                rule[key] = self._rule(node[key], None)
        if isinstance(first := node.get("prefixItems"), list):
            rule["prefixItems"] = [self._rule(one, None) for one in first]

    def _keyed(self, pattern: str, node: Any) -> dict[str, Any]:
        keyed: dict[str, Any] = {"rule": self._rule(node, None)}
        self._pattern({"pattern": pattern}, keyed)
        return keyed

    def _condition(self, node: Mapping[str, Any], rule: dict[str, Any]) -> None:
        """Conditions, where the interpreter is sure of them."""
        for key, parts in (("not", ("not",)), ("if", ("if", "then", "else"))):
            if key not in node:
                continue
            if _sure(node[key]):
                rule |= {part: self._rule(node[part], None) for part in parts if part in node}
            else:
                rule["unsure"] = True

    def _reference(self, reference: str) -> str:
        """The name of a rule, which is made later where it is new."""
        node: Any = self._root
        parts = [unescaped(part) for part in reference.lstrip("#").split("/") if part]
        if not parts:
            return ""
        for part in parts:
            node = node.get(part, True) if isinstance(node, dict) else True
        name = parts[-1] if parts[:-1] in (["$defs"], ["definitions"]) else "/".join(parts)
        if name not in self._made:
            self._waiting.setdefault(name, node)
        return name

    def _choice(self, node: Mapping[str, Any], above: Any, rule: dict[str, Any]) -> None:
        """What helps to tell which of several was meant."""
        key = next((one for one in ("anyOf", "oneOf") if isinstance(node.get(one), list)), None)
        if key is None:
            return
        choices = node[key]
        if scalar_of(node) is not None:
            return
        if fields := fields_of(node):
            rule["fields"] = fields
            if count := count_of(node):
                rule["count"] = count
            return
        discriminator = above.get("discriminator") if isinstance(above, dict) else None
        if isinstance(discriminator, dict):
            rule["tagged"] = _tagged(discriminator, choices)
        elif sum(one != {"type": "null"} for one in choices) > 1:
            rule["each"] = [self._allowed.words(one) for one in choices]


def _widened(node: dict[str, Any]) -> bool:
    """Whether a node is a scalar, judged by JSON Schema or else by Pydantic, and nothing more."""
    return node.keys() <= {"anyOf", *_ANNOTATIONS} and scalar_of(node) is not None


def _tagged(discriminator: Mapping[str, Any], choices: list[Any]) -> dict[str, Any]:
    mapping = discriminator.get("mapping", {})
    chosen = {
        tag: next((i for i, one in enumerate(choices) if one in (target, {"$ref": target})), 0)
        for tag, target in mapping.items()
    }
    tags = either(map(shown, mapping)) if mapping else "known"
    return {"name": str(discriminator.get("propertyName", "")), "says": tags, "choices": chosen}


def _sure(node: Any) -> bool:
    """Whether the interpreter knows for certain if a value fits."""
    match node:
        case dict():
            known = not _UNSURE_WITHIN & node.keys() and not node.keys() - _JUDGED - _ANNOTATIONS
            return known and all(map(_sure, node.values()))
        case list():
            return all(map(_sure, node))
        case _:
            return True
