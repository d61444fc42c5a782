"""Limits in words."""

import pytest

from corral.limit_words import ignored_in_words


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        ([], ""),
        (["a"], "a worker of an earlier release knows no limits: a; the limit holds once it is gone"),
        (
            ["a", "b"],
            "2 workers of an earlier release know no limits: a, b; the limit holds once they are gone",
        ),
        (
            ["a", "b", "c", "d", "e"],
            "5 workers of an earlier release know no limits: a, b, c and 2 more; the limit holds once they are gone",
        ),
    ],
)
def test_workers_that_know_no_limits_are_named_and_counted(workers: list[str], words: str):
    assert ignored_in_words(workers) == words
