"""The account of a demo: which promise was seen kept, with what figure, and which was not."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from corral import parity

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 44
"""Columns for what was seen, before its figure."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was seen, and the promises that it keeps."""

    ids: tuple[str, ...]
    seen: str
    figure: str
    holds: bool


def promises() -> dict[str, parity.Promise]:
    """Every promise by its id, as docs/reference/parity.md has them."""
    return {row.id: row for row in parity.read((ROOT / parity.PAGE).read_text(encoding="utf-8"))}


@dataclass(slots=True)
class Account:
    """What a demo has shown so far. Each entry is printed when it is made."""

    known: dict[str, parity.Promise] = field(default_factory=promises)
    entries: list[Entry] = field(default_factory=list)

    def show(self, ids: str, seen: str, figure: object, *, holds: bool = True) -> None:
        """Note one thing. `ids` are those of the promises that it keeps, divided by spaces.

        Raises:
            KeyError: there is no such promise.
        """
        entry = Entry(tuple(ids.split()), seen, str(figure), holds)
        for one in entry.ids:
            self.known[one]
        self.entries.append(entry)
        for line in _lines(entry):
            say(line)

    @property
    def shown(self) -> set[str]:
        """The ids of the promises that were seen kept, each time that they were looked at."""
        return {one for entry in self.entries if entry.holds for one in entry.ids} - self.broken

    @property
    def broken(self) -> set[str]:
        """The ids of the promises that were not kept at least once."""
        return {one for entry in self.entries if not entry.holds for one in entry.ids}

    def elsewhere(self, systems: Iterable[str]) -> Iterator[str]:
        """A line for each promise of these systems that no command can show: where it is, and the test of it."""
        seen = {one for entry in self.entries for one in entry.ids}
        for row in self.known.values():
            if row.id.partition("-")[0] in systems and row.id not in seen:
                yield f"  {row.id:<8} {row.promise}: {row.here} — {row.shown_by.replace('`', '')}"


def _lines(entry: Entry) -> Iterator[str]:
    mark = "holds" if entry.holds else "DOES NOT HOLD"
    ids = list(entry.ids)
    yield f"  {' '.join(ids[:3]):<26} {entry.seen:<{WIDTH}} {entry.figure:<34} {mark}"
    for at in range(3, len(ids), 3):
        yield f"  {' '.join(ids[at : at + 3])}"


def say(line: str = "") -> None:
    """Print a line at once, also where the output goes into a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
