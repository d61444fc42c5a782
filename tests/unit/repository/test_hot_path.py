"""The way of a plain job in the code, as how-a-job-travels.md lists it, is short enough to be read at one sitting."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/explanation/how-a-job-travels.md"
PACKAGES = {path.name: path.parent for path in (ROOT / "services").glob("*/corral*") if path.is_dir()}
ROW = re.compile(r"^\| [^|]+ \| `(corral\w*/[\w/]+\.py)` \| (`[^|]+`) \|$", re.MULTILINE)
MOST_FILES, MOST_LINES = 25, 1_000


def listed() -> list[tuple[str, list[str]]]:
    """Each module of the list, with what is to be read of it."""
    _, _, table = PAGE.read_text().partition("## The way in the code")
    table = table.partition("\n## ")[0]
    return [(module, re.findall(r"`([\w.]+)`", names)) for module, names in ROW.findall(table)]


def lines_of(module: str, name: str) -> int:
    """How many lines a function, a method or a constant has, its docstring included.

    Raises:
        LookupError: the module has no such thing.
    """
    body: list[ast.stmt] = ast.parse((PACKAGES[module.partition("/")[0]] / module).read_text()).body
    *outer, wanted = name.split(".")
    for holder in outer:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == holder).body
    for node in body:
        constants = (
            [one.id for one in node.targets if isinstance(one, ast.Name)]
            if isinstance(node, ast.Assign)
            else []
        )
        if wanted in {getattr(node, "name", None), *constants}:
            return (node.end_lineno or node.lineno) - node.lineno + 1
    raise LookupError(f"{module} has no {name}")


def test_each_file_is_opened_once_and_there_are_25_at_most():
    modules = [module for module, _ in listed()]
    assert len(modules) > 15, "the list was found"
    assert len(set(modules)) == len(modules) <= MOST_FILES


def test_there_are_a_thousand_lines_to_read_at_most():
    counts = {module: sum(lines_of(module, name) for name in names) for module, names in listed()}
    assert sum(counts.values()) <= MOST_LINES, counts


def test_what_is_not_there_is_named():
    with pytest.raises(LookupError, match="has no Lanes"):
        lines_of("corral/actions/submissions/submit.py", "Lanes")
