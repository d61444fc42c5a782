"""Every number that a person may give the chart or a pool has finite bounds."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from tests.chart.helm import CHART


def numbers(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below that takes a number, by path."""
    if isinstance(node, dict):
        kinds = node.get("type", [])
        if {"integer", "number"} & set([kinds] if isinstance(kinds, str) else kinds):
            yield path, node
        for key, value in node.items():
            yield from numbers(value, f"{path}/{key}")
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from numbers(value, f"{path}/{index}")


VALUES = json.loads((CHART / "values.schema.json").read_text())
CHECKED = jsonschema.Draft202012Validator(VALUES)
WORKER_POOL = yaml.safe_load((CHART / "crds/workerpool.yaml").read_text())
SPEC = WORKER_POOL["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
FREE = ("tag", "/$defs/parameters", "/$defs/amounts")
"""Texts that YAML may read as numbers, and quantities of Kubernetes."""


@pytest.mark.parametrize(
    ("path", "node"),
    [pytest.param(path, node, id=path) for path, node in [*numbers(VALUES), *numbers(SPEC, "WorkerPool")]],
)
def test_every_number_has_bounds(path: str, node: dict[str, Any]) -> None:
    if path.endswith(FREE[0]) or any(place in path for place in FREE[1:]):
        return
    if "/settings/" in path and "pattern" not in node and "boolean" in node["type"]:
        return  # a text, a choice or a truth; the service checks it
    assert "maximum" in node
    assert "minimum" in node or "exclusiveMinimum" in node


@pytest.mark.parametrize("value", [999_999_999_999, "999999999999", -1, "-1", "nan", "1e9", "soon"])
def test_a_setting_out_of_bounds_is_refused_at_install(value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        CHECKED.validate({"settings": {"CORRAL_DEFAULT_KEEP_FINISHED": value}})


@pytest.mark.parametrize("value", [86400, "86400", "0", "3153600000", 0.5, "0.5"])
def test_a_setting_within_its_bounds_is_taken(value: object) -> None:
    CHECKED.validate({"settings": {"CORRAL_DEFAULT_KEEP_FINISHED": value}})
