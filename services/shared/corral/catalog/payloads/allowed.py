"""What a judged schema allows, in words: `a whole number from 1 to 5`, `text or null`, `an object (Order)`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from corral.catalog.payloads.judgement import Schema
from corral.catalog.payloads.taken import KEYWORD
from corral.job.shown import SHOWN_CHARACTERS, shown

MAX_CHOICES: Final = 10
"""Choices that a message names."""
MAX_DEPTH: Final = 5
"""Schemas within schemas that are told."""
_KINDS: Final = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_FORMATS: Final = {
    "date-time": "a date and time such as 2030-01-31T09:00:00Z",
    "date": "a date such as 2030-01-31",
    "time": "a time of day such as 09:00:00",
    "duration": "a duration such as PT1H30M, or seconds",
    "uri": "an address such as https://example.com/",
    "email": "an e-mail address",
    "name-email": "an e-mail address",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "ipvanyaddress": "an IP address",
    "ipv4network": "an IPv4 network such as 192.0.2.0/24",
    "ipv6network": "an IPv6 network such as 2001:db8::/32",
    "ipvanynetwork": "an IP network such as 192.0.2.0/24",
    "ipv4interface": "an IPv4 interface such as 192.0.2.1/24",
    "ipv6interface": "an IPv6 interface such as 2001:db8::1/32",
    "ipvanyinterface": "an IP interface such as 192.0.2.1/24",
}


def either(words: Iterable[str]) -> str:
    """The alternatives as a phrase, `a, b or c`, each named once."""
    *first, last = dict.fromkeys(words)
    return f"{', '.join(first)} or {last}" if first else last


class Allowed:
    """Says in words what one schema allows. Follows its references."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def at(self, path: Iterable[str | int]) -> Any:
        """The part of the schema at that path; None where the schema has no such part."""
        node: Any = self._root
        try:
            for step in path:
                node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
        return node

    def words(self, node: Any) -> str:
        """What this part of the schema allows, in words."""
        return either(self._words(node, MAX_DEPTH))

    def _words(self, node: Any, depth: int) -> Iterator[str]:
        if not isinstance(node, dict) or not node or depth == 0:
            yield "nothing" if node is False else "something else"
            return
        if (scalar := scalar_of(node)) is not None:
            yield from of_scalar(scalar)
        elif isinstance(reference := node.get("$ref"), str):
            yield from self._words(self.at(reference.lstrip("#/").split("/")), depth - 1)
        elif "type" in node or "enum" in node or "const" in node:
            yield from of_scalar(node)
        elif (choices := next((node[key] for key in ("anyOf", "oneOf") if key in node), None)) is not None:
            for choice in choices:
                yield from self._words(choice, depth - 1)
        elif node.get("allOf"):
            yield from self._words(node["allOf"][0], depth - 1)
        else:
            yield "something else"


def scalar_of(node: Any) -> Mapping[str, Any] | None:
    """The scalar whose judgement a node is; None where it is another node."""
    if not isinstance(node, dict):
        return None
    if KEYWORD in node:
        return node[KEYWORD]  # type: ignore[no-any-return]
    around: list[Any] = node.get("anyOf") or node.get("allOf") or []
    last = around[-1] if around else None
    return last[KEYWORD] if isinstance(last, dict) and KEYWORD in last else None


def fields_of(node: Mapping[str, Any]) -> list[str]:
    """The fields between which a choice is, as it names them; none where it is between other things.

    An alternative is a field that is required, and it may say what that field holds.
    """
    choices = next((node[key] for key in ("anyOf", "oneOf") if key in node), None)
    if not isinstance(choices, list) or not all(
        isinstance(one, dict) and one.get("required") for one in choices
    ):
        return []
    if not all(
        one.keys() <= {"required", "properties"} and one.get("properties", {}).keys() <= set(one["required"])
        for one in choices
    ):
        return []
    return [", ".join(one["required"]) for one in choices]


def count_of(node: Mapping[str, Any]) -> str | None:
    """How many of the fields of `fields_of` a value must have; None where they are names of one field."""
    if "anyOf" not in node:
        return "exactly"
    return "at least" if any("properties" in one for one in node["anyOf"]) else None


def of_scalar(node: Mapping[str, Any]) -> Iterator[str]:
    """The words of a node that has a type or choices."""
    if "const" in node:
        yield shown(node["const"])
        return
    if isinstance(choices := node.get("enum"), list):
        more = [f"{len(choices) - MAX_CHOICES:,} others"] if len(choices) > MAX_CHOICES else []
        yield either([*map(shown, choices[:MAX_CHOICES]), *more])
        return
    kinds = node.get("type", ["string"] if {"format", "pattern"} & node.keys() else ["something else"])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        match kind:
            case "integer" | "number":
                yield _KINDS[kind] + _bounds(node)
            case "string":
                yield _text(node)
            case "object" if node.get("title"):
                yield f"an object ({node['title']})"
            case _:
                yield _KINDS.get(kind, str(kind))


def _text(node: Mapping[str, Any]) -> str:
    name = str(node.get("format", ""))
    if name.startswith("uuid"):
        return "a UUID"
    least, most = node.get("minLength"), node.get("maxLength")
    length = ""
    if least is not None or most is not None:
        span = (
            f"{least:,} to {most:,}"
            if least and most
            else f"at most {most:,}"
            if most
            else f"at least {least:,}"
        )
        length = f" of {span} characters"
    pattern = f" that matches {str(node['pattern'])[:SHOWN_CHARACTERS]}" if "pattern" in node else ""
    return _FORMATS.get(name, _KINDS["string"]) + length + pattern


def _bounds(node: Mapping[str, Any]) -> str:
    least, above = node.get("minimum"), node.get("exclusiveMinimum")
    most, below = node.get("maximum"), node.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f" from {shown(least)} to {shown(most)}"
    multiple = node.get("multipleOf")
    said = (
        *((" of at least ", least), (" above ", above), (" of at most ", most), (" below ", below)),
        (" that is a multiple of ", multiple),
    )
    return " and".join(f"{words}{shown(bound)}" for words, bound in said if bound is not None)
