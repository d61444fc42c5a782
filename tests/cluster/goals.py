"""What was measured beside what was promised: each a line that is printed at once, and again at the end."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.goal import Goal

Comparison = str


@dataclass
class Goals:
    """The promises of one run."""

    say: Callable[[str], None]
    all: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def at_most(self, name: str, value: float, bound: float) -> None:
        """It must not be more."""
        self._add(Goal(name, value, "<=", bound))

    def at_least(self, name: str, value: float, bound: float) -> None:
        """It must not be less."""
        self._add(Goal(name, value, ">=", bound))

    def none(self, name: str, value: int) -> None:
        """There must be none."""
        self._add(Goal(name, value, "<=", 0))

    def note(self, text: str) -> None:
        """A figure without a promise."""
        self.notes.append(text)
        self.say(f"note {text}")

    def missed(self, since: int = 0) -> list[str]:
        """The lines of what was missed since the goal of that number."""
        return [goal.line() for goal in self.all[since:] if not goal.met]

    def _add(self, goal: Goal) -> None:
        self.all.append(goal)
        self.say(goal.line())
