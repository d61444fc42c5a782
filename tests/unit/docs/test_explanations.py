"""What the explanations say of the code is there: each module, and each function in it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = sorted((ROOT / "docs" / "explanation").glob("*.md"))
PACKAGES = {path.name: path.parent for path in (ROOT / "services").glob("*/corral*") if path.is_dir()}
NAMED = re.compile(r"`(corral\w*/[\w/]+\.py)(?:::([\w.]+))?`")


def named(page: Path) -> list[tuple[str, str]]:
    return NAMED.findall(page.read_text())


def definitions(path: Path) -> set[str]:
    """`Class`, `Class.method` and `function` of a module."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, kinds):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{one.name}" for one in node.body if isinstance(one, kinds)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_module_and_function_that_a_page_names_is_where_it_says(page: Path):
    missing = []
    for module, function in named(page):
        path = PACKAGES[module.partition("/")[0]] / module
        if not path.is_file() or (function and function not in definitions(path)):
            missing.append(f"{module}::{function}")
    assert not missing


def test_the_way_of_a_job_names_functions_from_the_request_to_the_browser():
    functions = [
        function for _, function in named(ROOT / "docs/explanation/how-a-job-travels.md") if function
    ]
    assert functions[0] == "submit"
    assert {"JobInsert.insert", "Claims.claim", "perform", "Attempts.finish", "EventStream"} <= set(functions)
