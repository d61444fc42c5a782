"""A class name means one thing in the services: whoever searches for it finds one class."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SAME_IDEA: dict[str, str] = {}
"""Names that more than one class may have, each with the reason; there are none."""


def places() -> dict[str, list[str]]:
    """Where each class is defined, by its name without a leading underscore."""
    found = defaultdict(list)
    for path in sorted((ROOT / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def test_every_class_has_a_name_of_its_own():
    twice = {name: where for name, where in places().items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in SAME_IDEA} == {}


def test_every_exception_is_needed():
    found = places()
    assert [name for name in SAME_IDEA if len(found[name]) < 2] == []
