"""Values made from the schema: a text wherever one is taken."""

import re
from typing import Any

Json = Any
NOTHING = object()
LEFT_OUT = {"enabled", "extraObjects", "alerts", "claims", "initContainers", "valueFrom"}
"""Switches, what other values must name too, and what Kubernetes describes itself."""


def filled(schema: Json, forms: list[str]) -> dict[str, Json]:
    """The first form at every value that takes all of them, each list with one entry.

    What must be there and takes another kind has the first of its words, or an example.
    """
    made: dict[str, Json] = _Filling(schema, forms).of(schema)
    return made


def merged(below: Json, above: Json) -> Json:
    """One over the other, value by value; None takes a value away."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    every = below | {key: merged(below.get(key), value) for key, value in above.items()}
    return {key: value for key, value in every.items() if value is not None}


class _Filling:
    def __init__(self, schema: Json, forms: list[str]) -> None:
        self._schema = schema
        self._forms = forms

    def of(self, given: Json) -> Json:
        node = self._resolved(given)
        if node.get("deprecated") or "enum" in node:
            return NOTHING
        if "properties" in node:
            return self._object(node)
        if "patternProperties" in node:
            ((pattern, inner),) = node["patternProperties"].items()
            key = self._forms[0] if self._matches(pattern) else "cpu"
            return {key: found} if (found := self.of(inner)) is not NOTHING else NOTHING
        if "items" in node:
            return [found] if (found := self.of(node["items"])) is not NOTHING else NOTHING
        if "anyOf" in node:
            return self.of(node["anyOf"][0])
        return self._forms[0] if self._takes_text(node) else NOTHING

    def _object(self, node: Json) -> Json:
        made = {}
        for name, inner in node["properties"].items():
            found = NOTHING if name in LEFT_OUT else self.of(inner)
            if found is NOTHING and name in node.get("required", ()):
                found = self._needed(self._resolved(inner))
            if found is not NOTHING:
                made[name] = found
        most = node.get("maxProperties", len(made))
        return dict(list(made.items())[:most]) or NOTHING

    def _resolved(self, node: Json) -> Json:
        while "$ref" in node:
            found = self._schema
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _takes_text(self, node: Json) -> bool:
        kinds = node.get("type", [])
        return "string" in ([kinds] if isinstance(kinds, str) else kinds) and self._matches(
            node.get("pattern", "")
        )

    def _matches(self, pattern: str) -> bool:
        return all(re.search(pattern, form) for form in self._forms)

    def _needed(self, node: Json) -> Json:
        if "enum" in node:
            return node["enum"][0]
        return node["examples"][0] if "examples" in node else node.get("minimum", "example.org")
