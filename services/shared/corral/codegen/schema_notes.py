"""What a schema says for people: descriptions, examples, and the bounds that a type can't say."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from corral.catalog.payloads.allowed import of_scalar

_BOUNDS: Final = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "pattern"),
)
MAX_NOTE: Final = 400
"""Characters of one note."""


def notes(node: Any, *, of_field: bool = False) -> Iterator[str]:
    """What a schema says for people: its description, and of a field what a type can't say."""
    if not isinstance(node, dict):
        return
    if isinstance(description := node.get("description"), str) and description.strip():
        yield description.strip()[:MAX_NOTE]
    if of_field:
        yield from _limits(node)
    for example in _few(node.get("examples")):
        yield f"Example: {_json(example)}"
    if node.get("deprecated") is True:
        yield "Deprecated."


def _limits(node: Mapping[str, Any]) -> Iterator[str]:
    """Bounds and default of a field."""
    if any(bound in node for bound in _BOUNDS) and isinstance(node.get("type"), str):
        yield f"Must be {' or '.join(of_scalar(node))}."[:MAX_NOTE]
    for key, thing in (("minItems", "at least"), ("maxItems", "at most")):
        if isinstance(count := node.get(key), int) and "prefixItems" not in node:
            yield f"It has {thing} {count:,} {'item' if count == 1 else 'items'}."
    if "default" in node:
        yield f"Default: {_json(node['default'])}"


def _few(examples: Any) -> Iterable[Any]:
    return examples[:3] if isinstance(examples, list) else ()


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_NOTE else f"{text[:MAX_NOTE]}…"
