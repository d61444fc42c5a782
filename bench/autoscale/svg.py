"""A drawing of lines, areas, dots and words, without any library: small files that diff well."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

FONT = "font-family='system-ui, sans-serif'"
INK, FAINT = "#24292f", "#d0d7de"
Point = tuple[float, float]


@dataclass(slots=True)
class Drawing:
    """White paper of so many pixels."""

    width: int
    height: int
    title: str
    marks: list[str] = field(default_factory=list)

    def text(
        self, x: float, y: float, words: str, *, size: int = 11, anchor: str = "start", bold: bool = False
    ) -> None:
        weight = " font-weight='600'" if bold else ""
        self.marks.append(
            f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' fill='{INK}' {FONT}{weight}>"
            f"{escape(words)}</text>"
        )

    def line(self, points: Iterable[Point], colour: str, *, width: float = 1.5, dashed: bool = False) -> None:
        dashes = " stroke-dasharray='4 3'" if dashed else ""
        self.marks.append(
            f"<polyline points='{_joined(points)}' fill='none' stroke='{colour}' stroke-width='{width:g}'"
            f" stroke-linejoin='round'{dashes}/>"
        )

    def area(self, points: Iterable[Point], colour: str) -> None:
        self.marks.append(f"<polygon points='{_joined(points)}' fill='{colour}'/>")

    def dot(self, at: Point, colour: str, radius: float = 3.0) -> None:
        self.marks.append(f"<circle cx='{at[0]:.1f}' cy='{at[1]:.1f}' r='{radius:g}' fill='{colour}'/>")

    def rendered(self) -> str:
        head = (
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {self.width} {self.height}' role='img'>\n"
            f"<title>{escape(self.title)}</title>\n<rect width='100%' height='100%' fill='#ffffff'/>"
        )
        return "\n".join([head, *self.marks, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class Panel:
    """Axes on a drawing: from 0, or from 1 where the axis is logarithmic, to the end of each."""

    drawing: Drawing
    left: float
    top: float
    width: float
    height: float
    right_end: float
    top_end: float
    lowest: float = 0.0
    """At the bottom."""

    def at(self, x: float, y: float) -> Point:
        """Where a value is on the paper; what is beyond the axes is on their edge."""
        share_x = min(1.0, max(0.0, x / self.right_end))
        share_y = min(1.0, max(0.0, (y - self.lowest) / (self.top_end - self.lowest)))
        return self.left + share_x * self.width, self.top + (1 - share_y) * self.height

    def axes(self, *, title: str, across: str, up: str) -> None:
        """Frame, round numbers, and words."""
        drawing, bottom = self.drawing, self.top + self.height
        drawing.text(self.left, self.top - 8, title, size=12, bold=True)
        for value in ticks(0.0, self.right_end):
            x, _ = self.at(value, 0)
            drawing.text(x, bottom + 14, f"{value:g}", size=10, anchor="middle")
        for value in ticks(self.lowest, self.top_end):
            _, y = self.at(0, value)
            drawing.line([(self.left, y), (self.left + self.width, y)], FAINT, width=0.6)
            drawing.text(self.left - 5, y + 3.5, f"{value:g}", size=10, anchor="end")
        drawing.line(
            [(self.left, self.top), (self.left, bottom), (self.left + self.width, bottom)], INK, width=1
        )
        drawing.text(self.left + self.width, bottom + 27, across, size=10, anchor="end")
        if up:
            drawing.text(self.left + self.width, self.top - 8, up, size=10, anchor="end")


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from `low` to `high`."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * times for times in (1, 2, 5, 10) if unit * times >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 10) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _joined(points: Iterable[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def stairs(points: Sequence[Point]) -> list[Point]:
    """Each value until the next."""
    found: list[Point] = []
    for x, y in points:
        if found:
            found.append((x, found[-1][1]))
        found.append((x, y))
    return found
