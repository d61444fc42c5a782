"""A promise with a number: printed as one line, and kept for the table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Goal:
    """What was measured, beside the bound it must keep."""

    name: str
    value: float
    comparison: Literal[">=", "<=", "<"]
    bound: float
    unit: str = ""

    @property
    def met(self) -> bool:
        match self.comparison:
            case ">=":
                return self.value >= self.bound
            case "<=":
                return self.value <= self.bound
            case "<":
                return self.value < self.bound

    def line(self) -> str:
        """`GOAL <name> <value> <comparison> <bound> met|missed`."""
        return f"GOAL {self.name} {_short(self.value)} {self.comparison} {_short(self.bound)} {self.verdict}"

    @property
    def verdict(self) -> str:
        return "met" if self.met else "missed"

    @property
    def shown(self) -> str:
        return f"{_short(self.value)} {self.unit}".rstrip()

    @property
    def shown_bound(self) -> str:
        return f"{_short(self.bound)} {self.unit}".rstrip()


def missed(goals: Iterable[Goal]) -> list[Goal]:
    return [goal for goal in goals if not goal.met]


def _short(value: float) -> str:
    return f"{value:,.0f}".replace(",", "") if abs(value) >= 1000 else f"{value:.4g}"
