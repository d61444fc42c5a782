"""The page of the protocol names all rules, each with its reason and with tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "explanation" / "protocol.md"
CONFORMANCE = ROOT / "services" / "testing" / "corral_testing" / "conformance"
BUILT = {*range(1, 27), *range(28, 36), 37, 38, 40, 41}
"""The rules that are built. The others, on flows, come with what they are about."""
HEADING = re.compile(r"^### Rule (\d+): .*$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rules() -> dict[int, str]:
    """What the page says of each."""
    _, *parts = HEADING.split(PAGE.read_text().split("## Invariants")[0])
    return {int(number): said for number, said in zip(parts[::2], parts[1::2], strict=True)}


@cache
def defined_in(path: str) -> frozenset[str]:
    """Functions of a module; those of the conformance suite, too, where its tests are inherited."""
    tests = ROOT / path
    modules = [tests, *CONFORMANCE.glob("*.py")] if tests.parent.name == "contract" else [tests]
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for module in modules for node in ast.walk(ast.parse(module.read_text())))
    return frozenset(node.name for node in nodes if isinstance(node, functions))


def test_every_rule_that_is_built_stands_there_once():
    assert len(HEADING.findall(PAGE.read_text())) == len(BUILT)
    assert set(rules()) == BUILT


def test_every_rule_that_the_code_names_stands_there():
    code = [path.read_text() for path in (ROOT / "services").rglob("*.py")]
    named = {int(number) for text in code for number in re.findall(r"\brules? (\d+)\b", text)}
    assert named
    assert named <= BUILT


@pytest.mark.parametrize("rule", sorted(BUILT))
def test_every_rule_has_its_reason(rule: int):
    assert "*Why:* " in rules()[rule]


@pytest.mark.parametrize("rule", sorted(BUILT))
def test_every_rule_names_tests_that_exist(rule: int):
    named = TEST.findall(rules()[rule])
    assert named, f"rule {rule} names no test"
    missing = [f"{path}::{name}" for path, name in named if name not in defined_in(path)]
    assert not missing
