"""The page of the documentation that shows the last results."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.measuring.child import ROOT
from bench.section import Section, Table

PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
RESULTS = ROOT / ".corral" / "bench.json"
"""What was found last, for `python -m bench page`."""
_OF_THE_MOMENT = {"One fdatasync of 8 KiB", "Load of the machine at the start"}
"""Facts about the machine that differ from run to run."""


@dataclass(frozen=True)
class Results:
    """What a run found, by the names of its parts."""

    day: str
    quick: bool
    machine: Mapping[str, str]
    sections: Mapping[str, Section]

    def beside(self, earlier: "Results | None", order: Iterable[str]) -> "Results":
        """These, and of an earlier run what this one has not measured, if it was of this kind and on this machine."""
        if earlier is None or earlier.quick != self.quick or _lasting(earlier) != _lasting(self):
            return self
        found = {**earlier.sections, **self.sections}
        return replace(self, sections={name: found[name] for name in order if name in found})

    def save(self, path: Path = RESULTS) -> None:
        path.parent.mkdir(exist_ok=True)
        stored = {
            "day": self.day,
            "quick": self.quick,
            "machine": dict(self.machine),
            "sections": {name: section.to_json() for name, section in self.sections.items()},
        }
        path.write_text(json.dumps(stored, indent=1))

    @classmethod
    def load(cls, path: Path = RESULTS) -> "Results":
        stored: dict[str, Any] = json.loads(path.read_text())
        return cls(
            stored["day"],
            stored["quick"],
            stored["machine"],
            {name: Section.from_json(section) for name, section in stored["sections"].items()},
        )

    @classmethod
    def earlier(cls, path: Path = RESULTS) -> "Results | None":
        """What was kept before; None where nothing was, or in another form."""
        try:
            return cls.load(path)
        except (FileNotFoundError, ValueError, AttributeError):
            return None


def _lasting(results: Results) -> dict[str, str]:
    return {name: fact for name, fact in results.machine.items() if name not in _OF_THE_MOMENT}


def markdown(results: Results) -> str:
    """The whole page."""
    return "\n\n".join(_parts(results)) + "\n"


def _parts(results: Results) -> Iterable[str]:
    yield "# Benchmarks"
    yield (
        "Made by `make bench`, which starts every server itself and runs Corral and its peers in turn on one "
        "machine; `python -m bench page` writes this page from what was found last. Every comparison is a ratio within "
        "one run: absolute numbers of different machines say little about each other."
    )
    if results.quick:
        yield "**A quick run: fewer jobs and laps than the goals speak of.**"
    yield f"Measured on {results.day}."
    yield grid(Table(("Machine", ""), tuple(results.machine.items())), numbers=False)
    yield "## Goals"
    goals = [goal for section in results.sections.values() for goal in section.goals]
    yield grid(
        Table(
            ("Goal", "measured", "bound", ""),
            tuple(
                (f"`{goal.name}`", goal.shown, f"{goal.comparison} {goal.shown_bound}", goal.verdict)
                for goal in goals
            ),
        )
    )
    for section in results.sections.values():
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
