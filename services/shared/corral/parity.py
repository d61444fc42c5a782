"""Checks docs/reference/parity.md: what the systems that Corral replaces promised, and where each promise is kept.

`python -m corral.parity --check` ends with 1 where a promise has no row, or a row names a test or a file that does
not exist. It is run in a checkout of the repository.
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAGE = Path("docs/reference/parity.md")
PROMISES = {"000": 71, "001": 75, "002": 60, "003": 20, "004": 49, "G": 22}
"""How many promises each of the replaced systems, and the design card (G), made. They are numbered from 01."""
LATER = "later: "
"""A row that is not shown yet says so, with the issue that brings it."""
_ROW = re.compile(r"^\| ((?:\d{3}|G)-\d\d) \| (.+?) \| (.+?) \| (.+?) \|$")
_TEST = re.compile(r"`([\w/.-]+\.py)::(\w+)`")
_FILE = re.compile(r"\b(?:charts|docs|examples|k8s|services|tests)/[\w/.-]*\w")


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: its id and words, where it is kept here, and what shows it."""

    id: str
    promise: str
    here: str
    shown_by: str

    @property
    def shown(self) -> bool:
        """Whether a test shows it, rather than a later issue."""
        return not self.shown_by.startswith(LATER)


def read(page: str) -> list[Promise]:
    """The rows of the page, in its order."""
    return [Promise(*found.groups()) for line in page.splitlines() if (found := _ROW.match(line))]


def problems(rows: Sequence[Promise], root: Path) -> Iterator[str]:
    """What is wrong with the rows, in words; files and tests are looked up below `root`."""
    wanted = [f"{system}-{number:02}" for system, last in PROMISES.items() for number in range(1, last + 1)]
    counted = Counter(row.id for row in rows)
    for one in wanted:
        if counted[one] != 1:
            yield f"{one}: {'no row' if counted[one] == 0 else f'{counted[one]} rows'}"
    for one in sorted(set(counted) - set(wanted)):
        yield f"{one}: no system made this promise"
    for row in rows:
        if row.shown:
            yield from _unfounded(row, root)


def _unfounded(row: Promise, root: Path) -> Iterator[str]:
    """What a shown row names and what does not exist."""
    tests = _TEST.findall(row.shown_by)
    if not tests:
        yield f"{row.id}: names neither a test nor a later issue"
    for path, name in tests:
        if name not in _functions(root / path):
            yield f"{row.id}: there is no test {path}::{name}"
    for path in _FILE.findall(row.here):
        if not (root / path).exists():
            yield f"{row.id}: there is no {path}"


@cache
def _functions(module: Path) -> frozenset[str]:
    if not module.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def main(arguments: Sequence[str]) -> int:
    """Print what is wrong and how many promises are shown; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m corral.parity", description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with 1 where a row is missing or unfounded")
    options = parser.parse_args(arguments)
    if not PAGE.is_file():
        sys.stderr.write(f"there is no {PAGE} here: run this in a checkout of Corral\n")
        return 2
    rows = read(PAGE.read_text(encoding="utf-8"))
    wrong = list(problems(rows, Path()))
    for line in wrong:
        sys.stdout.write(f"{line}\n")
    shown = sum(row.shown for row in rows)
    sys.stdout.write(f"{len(rows)} promises, {shown} shown\n")
    return 1 if wrong and options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
