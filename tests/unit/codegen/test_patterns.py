"""Patterns of schemas in the dialects of Python and JavaScript."""

import pytest

from corral.codegen.patterns import translated


@pytest.mark.parametrize(
    ("pattern", "python", "javascript"),
    [
        ("^a.b$", r"^a[^\n]b\Z", r"^a[^\n]b$"),
        (r"(?P<x>a|b){2,3}?", "(?:a|b){2,3}?", "(?:a|b){2,3}?"),
        (r"[^\d_-]+\.", r"[^\d_\-]+\.", r"[^\d_\-]+\."),
    ],
)
def test_a_pattern_is_the_same_in_both_dialects(pattern: str, python: str, javascript: str):
    known = translated(pattern)
    assert known is not None
    assert (known.python, known.javascript) == (python, javascript)


@pytest.mark.parametrize(
    "pattern", [r"\p{L}", "(?i)a", "(?=a)", r"(a)\1", "a**", "[a&&b]", "[[:alpha:]]", "a{,3}", r"\bx"]
)
def test_what_engines_read_differently_is_left_to_the_publisher(pattern: str):
    assert translated(pattern) is None
