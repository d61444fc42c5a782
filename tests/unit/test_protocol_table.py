"""The page that leads from the protocol's rules to their tests names all rules, and tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "protocol-tests.md"
CONFORMANCE = ROOT / "services" / "shared" / "corral" / "testing" / "conformance"
BUILT = {1, 2, *range(6, 12), *range(15, 27), *range(28, 31)}
"""The rules that are built. The others, on keys, limits, rates, batches and flows, come with what they are about."""
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> dict[int, str]:
    return {int(line.split("|")[1]): line for line in PAGE.read_text().splitlines() if ROW.match(line)}


@cache
def defined_in(path: str) -> frozenset[str]:
    """Functions of a module; those of the conformance suite, too, where its tests are inherited."""
    tests = ROOT / path
    modules = [tests, *CONFORMANCE.glob("*.py")] if tests.parent.name == "contract" else [tests]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for module in modules for node in ast.walk(ast.parse(module.read_text())))
    return frozenset(node.name for node in nodes if isinstance(node, functions))


def test_every_rule_that_is_built_has_a_row():
    assert set(rows()) == BUILT
    assert len(ROW.findall(PAGE.read_text())) == len(BUILT)


@pytest.mark.parametrize("rule", sorted(BUILT))
def test_every_rule_names_tests_that_exist(rule: int):
    named = TEST.findall(rows()[rule])
    assert named, f"rule {rule} names no test"
    missing = [f"{path}::{name}" for path, name in named if name not in defined_in(path)]
    assert not missing
