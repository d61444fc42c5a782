"""Each class that a template gives an element is one that a style, a script or a test of the pages knows."""

import re
from pathlib import Path

import corral_publisher

PACKAGE = Path(corral_publisher.__file__).parent
FOUND_BY_TESTS = {"workers", "desired"}
"""Classes by which the tests of the pages find an element; they have no style."""
MADE = {"note-"}
"""The beginning of a class whose end is a value."""
CODE = re.compile(r"{%.*?%}|{{.*?}}|{#.*?#}", re.DOTALL)


def classes(template: str) -> set[str]:
    plain = CODE.sub(" ", template)
    return {word for attribute in re.findall(r'class="([^"]*)"', plain) for word in attribute.split()}


def test_each_class_of_a_template_is_known():
    sources = [*PACKAGE.glob("static/*.css"), *PACKAGE.glob("static/*.js")]
    known = {word for source in sources for word in re.findall(r"\.([a-z][\w-]*)", source.read_text())}
    used = {one.name: classes(one.read_text()) for one in PACKAGE.glob("templates/*.html")}
    assert len(used) > 20
    unknown = {name: found - known - FOUND_BY_TESTS - MADE for name, found in used.items()}
    assert {name: found for name, found in unknown.items() if found} == {}
