"""Results of handlers that are no JSON."""

import math
from typing import Any


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def junk_of(what: str) -> Any:
    values: dict[str, Any] = {
        "nan": {"a": [1.0, math.nan]},
        "inf": math.inf,
        "nul": {"a": "\0"},
        "surrogate": "\ud800",
        "object": object(),
        "bytes": b"\xff",
        "large": "x" * 17_000_000,
        "lambda": lambda: None,
    }
    if what == "deep":
        deep: list[Any] = []
        for _ in range(5000):
            deep = [deep]
        return deep
    if what == "loop":
        loop: list[Any] = []
        loop.append(loop)
        return loop
    return values[what]
