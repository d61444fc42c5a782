"""Where the columns of a report stand: paper, size of type, widths.

The typesetter could find widths itself, at five times the time and memory: it
would lay out each cell twice and keep all of it. Here widths are sums of the
advances that it told once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corral_jobs.report.page.typeface import Widths
from corral_jobs.report.table.column import Column, ColumnKind

_PORTRAIT, _LANDSCAPE = 595.28 - 2 * 51.0, 841.89 - 2 * 45.0
"""Width between the margins of A4, in points."""
_PREFERRED = ((_PORTRAIT, 9.0), (_PORTRAIT, 8.5), (_PORTRAIT, 8.0), (_LANDSCAPE, 8.5), (_LANDSCAPE, 8.0))
_SMALLER = ((_LANDSCAPE, 7.5), (_LANDSCAPE, 7.0), (_LANDSCAPE, 6.5), (_LANDSCAPE, 6.0))
_GAP = 1.3
"""Between two columns, in em; less where they are many."""
_NARROW_GAP = 0.8
_WIDE_TEXT = 22.0
"""A text wider than this, in em, wraps as soon as room is short."""
_WIDE_WORD = 9.0
"""A word wider than this, in em, breaks as soon as room is short."""
_SPREAD = 5.0
"""As much wider than its widest cell, in em, a column of a narrow table becomes."""
_NEARLY = 0.75
"""A table that takes this part of the measure takes all of it."""
_BROKEN_WORD = 4.0
"""Width of a column of text, in em, where even the smallest type leaves no room."""
_SMALLEST = 4.0
"""Points: digits of a number on two lines would be worse than type to be enlarged on a screen."""
_TALL = 8
"""Rows with more lines break at the end of a page; a row that may break takes ten times the memory."""
_SLACK = 1.004
"""The typesetter rounds lengths; a cell that fits to a hair shall not wrap."""


@dataclass(frozen=True, slots=True)
class Layout:
    """All lengths in points."""

    landscape: bool
    size: float
    gap: float
    widths: tuple[float, ...]
    tall: frozenset[int]
    """Rows with so many lines that they may go on the next page."""
    breaking: frozenset[int]
    """Columns with words wider than they are."""

    @property
    def measure(self) -> float:
        """The width between the margins."""
        return _LANDSCAPE if self.landscape else _PORTRAIT

    @property
    def table_width(self) -> float:
        """From the first column's left edge to the last one's right."""
        return sum(self.widths) + self.gap * max(0, len(self.widths) - 1)


@dataclass(frozen=True, slots=True)
class _WantedWidth:
    """What one column wants, in em."""

    natural: float
    tight: float
    least: float
    """A number is never narrower than its digits while there is any other way."""


def lay_out(columns: Sequence[Column], widths: Widths, totals: Sequence[str]) -> Layout:
    """The largest type and the widest columns that hold the table; `totals` are its widest last rows."""
    cells = [_cell_widths(column, widths) for column in columns]
    demands = [
        _demand(column, own, widths, total) for column, own, total in zip(columns, cells, totals, strict=True)
    ]
    paper, size, gap = _paper(demands)
    given = [width * size for width in _share(demands, paper / size, gap)]
    tall: set[int] = set()
    breaking: set[int] = set()
    for at, (column, own, width) in enumerate(zip(columns, cells, given, strict=True)):
        over = [text for text, natural in own.items() if not _fits(natural * size, width) or "\n" in text]
        high = {text for text in over if lines_of(text, width / size, widths.regular) > _TALL}
        if high:
            tall.update(row for row, text in enumerate(column.texts) if text in high)
        if any(not _fits(widths.widest_word(text) * size, width) for text in over):
            breaking.add(at)
    return Layout(paper == _LANDSCAPE, size, gap * size, tuple(given), frozenset(tall), frozenset(breaking))


def lines_of(text: str, width: float, advances: Mapping[str, float]) -> int:
    """Lines that `text` takes at that width, given in em."""
    space = advances.get(" ", 0.25)
    total = 0
    for line in text.split("\n"):
        lines, used = 1, 0.0
        for word in line.split():
            need = sum(map(advances.__getitem__, word))
            if used and used + space + need > width:
                lines, used = lines + 1, 0.0
            more = int(need // width)  # of a word that breaks
            lines += more
            used += need - more * width + (space if used else 0.0)
        total += lines
    return total


def broken(text: str, advances: Mapping[str, float], width: float) -> str:
    """`text` with a possible break (U+200B) in its words wider than `width`, given in em."""

    def split(word: str) -> str:
        if _fits(sum(map(advances.__getitem__, word)), width):
            return word
        parts, part, room = [], "", 0.0
        for character in word:
            advance = advances[character]
            if part and not _fits(room + advance, width):
                parts.append(part)
                part, room = "", 0.0
            part, room = part + character, room + advance
        return "\u200b".join([*parts, part])

    return "\n".join(" ".join(split(word) for word in line.split(" ")) for line in text.split("\n"))


def _fits(natural: float, width: float) -> bool:
    """Whether what is so wide needs no second line; columns as wide as their widest cell do not."""
    return natural * _SLACK <= width + 1e-6


def _cell_widths(column: Column, widths: Widths) -> dict[str, float]:
    return {text: widths.block(text) for text in set(column.texts)}


def _demand(column: Column, cells: dict[str, float], widths: Widths, total: str) -> _WantedWidth:
    widest = max(*cells.values(), widths.line(total, bold=True), 1.0)
    label, word = widths.line(column.label, bold=True), widths.widest_word(column.label, bold=True)
    # A heading may take two lines rather than widen a column of short cells.
    natural = max(widest, word, min(label, max(widest, label * 0.6)))
    if column.kind is not ColumnKind.TEXT:
        return _WantedWidth(natural * _SLACK, max(widest, min(word, _WIDE_WORD)) * _SLACK, widest * _SLACK)
    words = max(map(widths.widest_word, cells), default=0.0)
    tight = min(max(words, min(widest, _WIDE_WORD * 0.6)), _WIDE_WORD)
    return _WantedWidth(
        natural * _SLACK, max(tight, min(word, _WIDE_WORD)) * _SLACK, min(widest, _BROKEN_WORD)
    )


def _paper(demands: Sequence[_WantedWidth]) -> tuple[float, float, float]:
    """Width of the paper, size of type, gap in em."""
    comfortable = sum(min(demand.natural, max(_WIDE_TEXT, demand.tight)) for demand in demands)
    tight = sum(demand.tight for demand in demands)
    between = len(demands) - 1
    for paper, size in _PREFERRED:
        if (comfortable + between * _GAP) * size <= paper:
            return paper, size, _GAP
    for paper, size in (*_PREFERRED[3:], *_SMALLER):
        # Half-way from tight to comfortable, most cells still have a line of their own.
        if ((tight + comfortable) / 2 + between * _GAP) * size <= paper:
            return paper, size, _GAP
    for paper, size in _SMALLER:
        if (tight + between * _NARROW_GAP) * size <= paper:
            return paper, size, _NARROW_GAP
    least = sum(demand.least for demand in demands) + between * _NARROW_GAP
    return _LANDSCAPE, min(_SMALLER[-1][1], max(_SMALLEST, _LANDSCAPE / least)), _NARROW_GAP


def _share(demands: Sequence[_WantedWidth], measure: float, gap: float) -> list[float]:
    """The measure, in em, divided: the tight widths first, then evenly up to the natural ones."""
    if not demands:
        return []
    room = measure - gap * (len(demands) - 1)
    shares = [demand.least for demand in demands]
    if sum(shares) > room:  # nothing fits; every column gives up the same part
        return [share * room / sum(shares) for share in shares]
    for wanted in ([demand.tight for demand in demands], [demand.natural for demand in demands]):
        _fill(shares, wanted, room)
    free = room - sum(shares)
    spread = free / len(demands)
    if (sum(shares) + _SPREAD * len(demands)) < _NEARLY * room:
        spread = min(spread, _SPREAD)
    return [share + spread for share in shares]


def _fill(shares: list[float], wanted: Sequence[float], room: float) -> None:
    """Divide what is free among the shares below what they want, evenly."""
    while (free := room - sum(shares)) > 1e-6:
        wanting = [at for at, share in enumerate(shares) if wanted[at] - share > 1e-6]
        if not wanting:
            return
        for at in wanting:
            shares[at] += min(free / len(wanting), wanted[at] - shares[at])
