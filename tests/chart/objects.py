"""Finding one's way in rendered objects."""

from collections.abc import Iterator
from typing import Any

from tests.chart.helm import Manifest


def of_kind(objects: list[Manifest], *kinds: str) -> list[Manifest]:
    return [found for found in objects if found["kind"] in kinds]


def one(objects: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [o for o in of_kind(objects, kind) if o["metadata"]["name"] == name]
    return found


def named(found: Manifest) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def pods(objects: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    """Owner, metadata and spec of every pod that the objects make."""
    for found in objects:
        if found["kind"] == "Pod":
            yield named(found), found["metadata"], found["spec"]
        elif "template" in found.get("spec", {}):
            template = found["spec"]["template"]
            yield named(found), template["metadata"], template["spec"]


def containers(objects: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every container, with where it is."""
    for owner, _, spec in pods(objects):
        for container in [*spec.get("initContainers", ()), *spec["containers"]]:
            yield f"{owner}, container {container['name']}", container


def values_within(node: Any) -> Iterator[Any]:
    """Every leaf of it."""
    if isinstance(node, dict):
        for value in node.values():
            yield from values_within(value)
    elif isinstance(node, list):
        for value in node:
            yield from values_within(value)
    else:
        yield node
