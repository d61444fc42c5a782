"""A field of a payload by its path: where the schema has it, and what a payload holds there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from corral.catalog.payloads.schema import MARK, NAMES, OPEN, WORKER

MISSING: Final = object()
"""What a payload holds where it has no such field."""
MAX_DEPTH: Final = 32
"""References that are followed from one field."""


class NoSuchField(Exception):
    """The schema has no such field; the message says which part is missing, and what there is instead."""


@dataclass(frozen=True, slots=True)
class PayloadField:
    """A field of payloads, ready to be read."""

    path: str
    steps: tuple[tuple[str, ...], ...]
    """For each part of the path the names under which it may be given."""
    kinds: frozenset[str]
    """The JSON types that the schema lets it have; empty where the schema does not say."""
    choices: tuple[Any, ...] = ()
    """All values that it may have; empty where they can't be counted up."""
    default: Any = MISSING

    def read(self, payload: Any) -> Any:
        """What a payload, as parsed JSON, holds there: the default of the schema where it leaves it out, else `MISSING`."""
        value = payload
        for names in self.steps:
            if not isinstance(value, Mapping):
                return self.default
            value = next((value[name] for name in names if name in value), MISSING)
            if value is MISSING:
                return self.default
        return value

    @property
    def pointer(self) -> str:
        """Its JSON pointer below `/payload`."""
        return "/payload/" + self.path.replace("~", "~0").replace("/", "~1").replace(".", "/")


def payload_field(schema: Mapping[str, Any] | None, path: str) -> PayloadField:
    """The field at a path with dots; without a schema any path may be there.

    Raises:
        NoSuchField: the schema has none.
    """
    parts = path.split(".")
    if schema is None:
        return PayloadField(path, tuple((part,) for part in parts), frozenset())
    nodes: list[Mapping[str, Any]] = [schema]
    steps: list[tuple[str, ...]] = []
    for index, part in enumerate(parts):
        objects = [one for node in nodes for one in _plain(node, schema, 0)]
        if any(_untold(one) for one in objects):
            return PayloadField(path, (*steps, *((rest,) for rest in parts[index:])), frozenset())
        known = {name for one in objects for name in one.get("properties", {})}
        nodes = [one["properties"][part] for one in objects if part in one.get("properties", {})]
        nodes += [
            one["additionalProperties"]
            for one in objects
            if part not in one.get("properties", {}) and isinstance(one.get("additionalProperties"), dict)
        ]
        if any(one.get("additionalProperties") is True for one in objects) and not nodes:
            return PayloadField(path, (*steps, *((rest,) for rest in parts[index:])), frozenset())
        if not nodes:
            where = f"its field {'.'.join(parts[:index])} has" if index else "it has"
            raise NoSuchField(f"no field {path}; {where} {', '.join(sorted(known)) or 'no fields'}")
        steps.append(tuple(dict.fromkeys((part, *_further_names(objects, part)))))
    plain = [one for node in nodes for one in _plain(node, schema, 0)]
    told = not any(_untold(one) for one in plain)
    default = next((node["default"] for node in nodes if "default" in node), MISSING)
    return PayloadField(
        path,
        tuple(steps),
        frozenset(_kinds(plain)) if told else frozenset(),
        _choices(plain) if told else (),
        default if len(parts) == 1 else MISSING,
    )


def _plain(node: Any, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """The schemas that a node stands for: its references followed, each of its alternatives."""
    if not isinstance(node, Mapping) or depth > MAX_DEPTH:
        yield {}
        return
    if isinstance(reference := node.get("$ref"), str):
        target: Any = root
        for step in reference.lstrip("#/").split("/"):
            target = target.get(step, {}) if isinstance(target, Mapping) else {}
        yield from _plain(target, root, depth + 1)
        return
    own = "properties" in node
    if own:
        yield node
    for several in ("anyOf", "oneOf", "allOf"):
        if isinstance(parts := node.get(several), Sequence):
            found = [one for part in parts for one in _plain(part, root, depth + 1)]
            # Beside fields of its own, alternatives say more of them: which are needed together, for instance.
            yield from (one for one in found if not own or "properties" in one)
            return
    if not own:
        yield node


def _untold(node: Mapping[str, Any]) -> bool:
    """Whether the schema does not say what may be there."""
    return WORKER in node.get(MARK, {}) or not {"type", "enum", "const", "properties"} & node.keys()


def _further_names(objects: Sequence[Mapping[str, Any]], part: str) -> Iterator[str]:
    for one in objects:
        mark = one.get(MARK, {})
        yield from (name for name in mark.get(NAMES, {}).get(part, ()) if name not in mark.get(OPEN, ()))


def _kinds(nodes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    for node in nodes:
        kinds = node.get("type")
        if isinstance(kinds, str):
            yield kinds
        elif isinstance(kinds, Sequence):
            yield from kinds
        for choice in (*node.get("enum", ()), *([node["const"]] if "const" in node else ())):
            yield names.get(type(choice), "object")


def _choices(nodes: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    found: list[Any] = []
    for node in nodes:
        if "const" in node:
            found.append(node["const"])
        elif "enum" in node:
            found += node["enum"]
        elif node.get("type") != "null":
            return ()
    return tuple(found)
