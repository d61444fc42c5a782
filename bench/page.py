"""The page of the documentation that shows the last results."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measuring.child import ROOT
from bench.section import Section, Table

PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
RESULTS = ROOT / ".corral" / "bench.json"
"""What the last run found, for `python -m bench page`."""


@dataclass(frozen=True)
class Results:
    """A run."""

    day: str
    quick: bool
    machine: Mapping[str, str]
    sections: tuple[Section, ...]

    def save(self, path: Path = RESULTS) -> None:
        path.parent.mkdir(exist_ok=True)
        stored = {
            "day": self.day,
            "quick": self.quick,
            "machine": dict(self.machine),
            "sections": [section.to_json() for section in self.sections],
        }
        path.write_text(json.dumps(stored, indent=1))

    @classmethod
    def load(cls, path: Path = RESULTS) -> "Results":
        stored: dict[str, Any] = json.loads(path.read_text())
        return cls(
            stored["day"],
            stored["quick"],
            stored["machine"],
            tuple(Section.from_json(section) for section in stored["sections"]),
        )


def markdown(results: Results) -> str:
    """The whole page."""
    return "\n\n".join(_parts(results)) + "\n"


def _parts(results: Results) -> Iterable[str]:
    yield "# Benchmarks"
    yield (
        "Made by `make bench`, which starts every server itself and runs Corral and its peers in turn on one "
        "machine; `python -m bench page` writes this page from the last run. Every comparison is a ratio within "
        "one run: absolute numbers of different machines say little about each other."
    )
    if results.quick:
        yield "**A quick run: fewer jobs and laps than the goals speak of.**"
    yield f"Measured on {results.day}."
    yield grid(Table(("Machine", ""), tuple(results.machine.items())), numbers=False)
    yield "## Goals"
    goals = [goal for section in results.sections for goal in section.goals]
    yield grid(
        Table(
            ("Goal", "measured", "bound", ""),
            tuple(
                (f"`{goal.name}`", goal.shown, f"{goal.comparison} {goal.shown_bound}", goal.verdict)
                for goal in goals
            ),
        )
    )
    for section in results.sections:
        yield f"## {section.title}"
        yield section.text
        for table in section.tables:
            yield grid(table)


def grid(table: Table, *, numbers: bool = True) -> str:
    """A Markdown table, padded so that it reads well as text too."""
    rows = [table.columns, *table.rows]
    widths = [max(3, *(len(row[at]) for row in rows)) for at in range(len(table.columns))]
    left = [at == 0 or not numbers for at in range(len(widths))]

    def line(cells: Iterable[str]) -> str:
        padded = (
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, left, strict=True)
        )
        return "| " + " | ".join(padded) + " |"

    rule = (
        ("-" * width if is_left else "-" * (width - 1) + ":")
        for width, is_left in zip(widths, left, strict=True)
    )
    return "\n".join([line(table.columns), line(rule), *(line(row) for row in table.rows)])
