"""Every value that a page names is one that the chart takes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.chart.helm import CHART, ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
CHECKED = jsonschema.Draft202012Validator(SCHEMA)
NAMES = {name for name, node in SCHEMA["properties"].items() if not node.get("deprecated")}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
INLINE = re.compile(r"`([a-z]\w*(?:\[\])?(?:\.[\w-]+(?:\[\])?)+)(?:=[^`]*)?`")
SET = re.compile(r"--set(?:-\w+)? '?\"?([a-z][\w.\[\]-]*)=")
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
OTHERS = {
    *("image.process", "redis.conf", "artifacts.unavailable", "tracing.off"),
    *("jobs.created_at", "jobs.error", "jobs.id", "jobs.limits", "jobs.payload", "jobs.result"),
}
"""What begins like a value and is none: a job type, a file, lines of the log, columns of tables."""


def named(text: str) -> set[str]:
    """The paths of values in it: between backticks, and behind --set."""
    found = {*INLINE.findall(text), *SET.findall(text)}
    return {path for path in found if re.split(r"[.\[]", path)[0] in NAMES and path not in OTHERS}


def resolved(node: Any) -> Any:
    while "$ref" in node:
        found = SCHEMA
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def exists(path: str) -> bool:
    """Whether the schema has it; below what takes any name, every name is one."""
    node = SCHEMA
    for name in re.split(r"\.", re.sub(r"\[\d*\]", ".[]", path)):
        node = resolved(node)
        if name == "[]":
            node = node.get("items")
        elif "patternProperties" in node or ("properties" not in node and "items" not in node):
            return True
        else:
            node = node.get("properties", {}).get(name)
        if node is None:
            return False
    return True


def blocks(text: str) -> Iterator[dict[str, Any]]:
    """Its blocks that are values of this chart."""
    for block in BLOCK.findall(text):
        try:
            found = yaml.safe_load(block)
        except yaml.YAMLError:
            continue
        if isinstance(found, dict) and found and set(found) <= NAMES:
            yield found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_values_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    assert [path for path in sorted(named(text)) if not exists(path)] == []
    for given in blocks(text):
        CHECKED.validate(given)


def test_the_pages_name_many_values() -> None:
    """Else the test above would look at nothing."""
    every = [page.read_text() for page in PAGES]
    assert len(set().union(*map(named, every))) > 50
    assert sum(1 for text in every for _ in blocks(text)) > 15
    assert not exists("networkPolicy.publisher.egress")
    assert exists("pools[].queues")
    assert exists("settings.CORRAL_SCHEMA")
