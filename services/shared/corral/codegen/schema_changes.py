"""What a change of a schema breaks: values that were right and are now refused."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from corral.catalog.payloads.schema import MARK, NAMES, OPEN
from corral.json_pointer import escaped, unescaped

_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SAME: Final = ("pattern", "format", "multipleOf")
MAX_DEPTH: Final = 40

Finding = tuple[str, str]
"""A pointer, and what became of the place: a verb and the reason."""


def broken(old: Any, new: Any) -> list[Finding]:
    """Where `new` refuses what `old` took. None is the schema of any JSON."""
    comparison = _Comparison(_whole(old), _whole(new))
    return list(dict.fromkeys(comparison.findings(_whole(old), _whole(new), "", 0)))


def _whole(schema: Any) -> Any:
    return {} if schema is None or schema is True else schema


class _Comparison:
    """Compares two schemas, with their definitions."""

    def __init__(self, old: Any, new: Any) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[int, int]] = set()

    def findings(self, old: Any, new: Any, place: str, depth: int) -> Iterator[Finding]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if old is False or new in ({}, True) or depth > MAX_DEPTH or (id(old), id(new)) in self._seen:
            return
        if new is False:
            yield place, "narrowed: nothing is taken any more"
            return
        if not isinstance(old, dict) or not isinstance(new, dict):
            old = old if isinstance(old, dict) else {}
        key = (id(old), id(new))
        self._seen.add(key)
        yield from self._choices(old, new, place, depth)
        self._seen.discard(key)

    def _choices(
        self, old: Mapping[str, Any], new: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[Finding]:
        before, after = _alternatives(old), _alternatives(new)
        if len(before) == len(after) == 1:
            yield from self._plain(before[0], after[0], place, depth)
            return
        for one in before:
            found = [list(self.findings(one, other, place, depth + 1)) for other in after]
            if all(found):
                if len(after) == 1 or len(before) == len(after):
                    yield from min(found, key=len)
                else:
                    yield place, f"narrowed: {_described(one, self._old)} is not taken any more"

    def _plain(
        self, old: Mapping[str, Any], new: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[Finding]:
        yield from self._kinds(old, new, place)
        yield from _bounds(old, new, place)
        yield from self._members(old, new, place, depth)
        for key, below in (("items", "/*"), ("additionalProperties", "/*"), ("propertyNames", "")):
            if key in new and not (key == "additionalProperties" and new[key] is False):
                yield from self.findings(old.get(key, {}), new[key], place + below, depth + 1)
        first, second = old.get("prefixItems", []), new.get("prefixItems", [])
        for index, one in enumerate(second):
            before = first[index] if index < len(first) else old.get("items", {})
            yield from self.findings(before, one, f"{place}/{index}", depth + 1)

    def _kinds(self, old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Finding]:
        before, after = _kinds(old), _kinds(new)
        if after is not None:
            lost = [
                kind
                for kind in (["anything else"] if before is None else before)
                if kind not in after and not (kind == "integer" and "number" in after)
            ]
            if lost:
                yield place, f"narrowed: {', '.join(lost)} is not taken any more"
                return
        values, kept = _values(old), _values(new)
        if kept is not None:
            gone = [_json(one) for one in values or [] if _json(one) not in set(map(_json, kept))]
            if gone:
                yield place, f"narrowed: {', '.join(gone)} is not taken any more"
            elif values is None and before != ["null"]:
                yield place, f"narrowed: only {', '.join(map(_json, kept))} is taken now"

    def _members(
        self, old: Mapping[str, Any], new: Mapping[str, Any], place: str, depth: int
    ) -> Iterator[Finding]:
        if "object" not in (_kinds(new) or ["object"]):
            return
        before, after = _properties(old), _properties(new)
        required = set(new.get("required", ()))
        added = {name: one for name, one in after.items() if name not in before}
        closed = new.get("additionalProperties") is False
        for name, one in before.items():
            here = f"{place}/{escaped(name)}"
            if name in after:
                yield from self.findings(one, after[name], here, depth + 1)
                if name in required and name not in old.get("required", ()):
                    yield here, "required: it may not be left out any more"
            elif name in _other_names(new):
                continue
            elif (twin := self._twin(one, added)) is not None:
                added.pop(twin)
                yield here, f"renamed: it is called {twin} now"
            elif after or closed:
                yield here, "removed: it is not known any more"
        for name in sorted(required & added.keys()):
            yield f"{place}/{escaped(name)}", "required: it is new and may not be left out"
        if closed and old.get("additionalProperties") is not False:
            yield place, "narrowed: members with other names are not taken any more"

    def _twin(self, gone: Any, added: Mapping[str, Any]) -> str | None:
        """The new member that is the old one under another name; None where there is none or more than one."""
        twins = [name for name, one in added.items() if _bare(one) == _bare(gone)]
        return twins[0] if len(twins) == 1 else None


def _resolved(node: Any, root: Any) -> Any:
    for _ in range(MAX_DEPTH):
        if not isinstance(node, dict):
            return node
        parts = node.get("allOf")
        if isinstance(parts, list) and len(parts) == 1 and "type" not in node:
            node = parts[0]
            continue
        reference = node.get("$ref")
        if not isinstance(reference, str):
            return node
        target: Any = root
        for part in [unescaped(one) for one in reference.lstrip("#").split("/") if one]:
            target = target.get(part, {}) if isinstance(target, dict) else {}
        node = target
    return node


def _alternatives(node: Mapping[str, Any]) -> list[Any]:
    for key in ("anyOf", "oneOf"):
        if isinstance(several := node.get(key), list) and several:
            return several
    kinds = node.get("type")
    if isinstance(kinds, list) and len(kinds) > 1:
        return [{**node, "type": kind} for kind in kinds]
    return [node]


def _kinds(node: Mapping[str, Any]) -> list[str] | None:
    kinds = node.get("type")
    if kinds is None and (values := _values(node)) is not None:
        names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
        return sorted({names.get(type(value), "object") for value in values})
    return None if kinds is None else [kinds] if isinstance(kinds, str) else list(kinds)


def _values(node: Mapping[str, Any]) -> list[Any] | None:
    if "const" in node:
        return [node["const"]]
    values = node.get("enum")
    return values if isinstance(values, list) else None


def _bounds(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[Finding]:
    for key in (*_LEAST, *_MOST):
        before, after = old.get(key), new.get(key)
        if not isinstance(after, int | float) or _values(old) is not None:
            continue
        harder = before is None or (after > before if key in _LEAST else after < before)
        trivial = key in ("minLength", "minItems", "minProperties") and after == 0
        if harder and not trivial and not _implied(old, key, after):
            yield (
                place,
                f"narrowed: {key} is {_json(after)}" + ("" if before is None else f", was {_json(before)}"),
            )
    for key in _SAME:
        if key in new and new[key] != old.get(key) and _values(old) is None:
            was = f", was {_json(old[key])}" if key in old else ""
            yield place, f"narrowed: {key} is {_json(new[key])}{was}"


def _implied(old: Mapping[str, Any], key: str, after: float) -> bool:
    """Whether another bound of the old schema says as much: above 0 is at least 0."""
    other = {
        "minimum": "exclusiveMinimum",
        "maximum": "exclusiveMaximum",
        "exclusiveMinimum": "minimum",
        "exclusiveMaximum": "maximum",
    }.get(key)
    bound = old.get(other) if other else None
    if not isinstance(bound, int | float):
        return False
    match key:
        case "minimum":
            return bound >= after
        case "maximum":
            return bound <= after
        case "exclusiveMinimum":
            return bound > after
        case _:
            return bound < after


def _properties(node: Mapping[str, Any]) -> Mapping[str, Any]:
    members = node.get("properties")
    return members if isinstance(members, dict) else {}


def _other_names(node: Mapping[str, Any]) -> set[str]:
    """Further names under which members may be given."""
    marks = node.get(MARK)
    if not isinstance(marks, dict):
        return set()
    return {other for several in marks.get(NAMES, {}).values() for other in several} | set(
        marks.get(OPEN, ())
    )


def _bare(node: Any) -> str:
    """A schema without what it says for people."""
    told = {"title", "description", "examples", "default"}
    kept = {key: one for key, one in node.items() if key not in told} if isinstance(node, dict) else node
    return _json(kept)


def _described(node: Any, root: Any) -> str:
    resolved = _resolved(node, root)
    if not isinstance(resolved, dict):
        return "what was taken"
    values = _values(resolved)
    if values is not None:
        return ", ".join(map(_json, values))
    return str(resolved.get("title") or resolved.get("type") or "what was taken")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
