"""What a part of the benchmarks found: tables and goals."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from bench.goal import Goal


@dataclass(frozen=True)
class Table:
    """Cells as they are printed; the first column is text, the others are right-aligned."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """One part, in the order of the page."""

    title: str
    text: str
    tables: tuple[Table, ...]
    goals: tuple[Goal, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(
            title=stored["title"],
            text=stored["text"],
            tables=tuple(
                Table(tuple(table["columns"]), tuple(tuple(row) for row in table["rows"]))
                for table in stored["tables"]
            ),
            goals=tuple(Goal(**goal) for goal in stored["goals"]),
        )
