"""One column of a report: what it holds, how it is printed, whether it may be summed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from enum import Enum

from corral_jobs.report.page.printable import printable
from corral_jobs.report.request import Cell
from corral_jobs.report.table import number
from corral_jobs.report.table.calendar_date import print_moment, read_dates
from corral_jobs.report.table.number import BLANKS, DecimalMark, Doubt, NumberReading, Numbers, Style

_SUM_PRECISION = 60
"""Digits; 50,000 numbers of 15 digits and 15 decimals need 35."""

# Words of a column's name that say what its numbers are. A sum of identifiers
# or of rates is no figure, and an identifier is printed without separators.
_IDENTIFIERS = frozenset(
    [
        "id",
        "no",
        "nr",
        "num",
        "number",
        "code",
        "zip",
        "postcode",
        "plz",
        "phone",
        "tel",
        "sku",
        "ean",
        "isbn",
        "year",
        "key",
        "ref",
        "reference",
        "index",
        "port",
        "pid",
        "line",
        "account",
    ]
)
_RATES = frozenset(
    [
        "price",
        "rate",
        "percent",
        "percentage",
        "pct",
        "ratio",
        "share",
        "average",
        "avg",
        "mean",
        "median",
        "min",
        "max",
        "minimum",
        "maximum",
        "latency",
        "age",
        "score",
        "temperature",
        "temp",
        "lat",
        "latitude",
        "lon",
        "lng",
        "longitude",
        "rank",
        "level",
        "version",
        "speed",
        "margin",
        "factor",
        "quantile",
        "percentile",
        "width",
        "height",
    ]
)
_PERCENTILE = re.compile(r"p\d{1,3}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|p\d+|[^\W\d_]+")
_MONEY = frozenset(
    [
        "amount",
        "total",
        "revenue",
        "sales",
        "turnover",
        "net",
        "gross",
        "sum",
        "value",
        "cost",
        "costs",
        "spend",
        "income",
        "profit",
    ]
)


class ColumnKind(Enum):
    """What the cells of a column are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Column:
    """A column, ready to print."""

    name: str
    label: str
    kind: ColumnKind
    texts: tuple[str, ...]
    numbers: tuple[Decimal | None, ...] = ()
    dates: tuple[date | None, ...] = ()
    style: Style = field(default_factory=Style)
    additive: bool = False
    """Whether its sum is a figure that means something."""

    @property
    def is_money(self) -> bool:
        """Whether its name says that it is what a reader looks for first."""
        return bool(_MONEY.intersection(words(self.name)))

    def total(self, rows: Sequence[int] | None = None) -> Decimal:
        """The exact sum of its numbers, of all rows or of the given ones."""
        numbers = self.numbers if rows is None else [self.numbers[row] for row in rows]
        with localcontext(prec=_SUM_PRECISION):
            return sum((value for value in numbers if value is not None), Decimal(0))

    def arranged(self, order: Sequence[int]) -> "Column":
        """The same with its rows in another order."""
        return Column(
            self.name,
            self.label,
            self.kind,
            tuple(self.texts[row] for row in order),
            tuple(self.numbers[row] for row in order) if self.numbers else (),
            tuple(self.dates[row] for row in order) if self.dates else (),
            self.style,
            self.additive,
        )


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as it was sent."""

    name: str
    cells: Sequence[Cell]
    label: str | None = None
    total: bool | None = None


def read_columns(raw: Sequence[RawColumn]) -> tuple[list[Column], list[str]]:
    """The columns, and notes for the reader about numbers that were left alone."""
    readings = [_readings(column.cells) for column in raw]
    proofs = [
        number.evidence(cell for cell in cells if isinstance(cell, NumberReading))
        for cells in readings
        if cells is not None
    ]
    # A column that proves both marks is no column of numbers and proves nothing.
    proven = {mark for marks in proofs if len(marks) == 1 for mark in marks}
    elsewhere = proven.pop() if len(proven) == 1 else None
    notes: list[str] = []
    columns = []
    for column, cells in zip(raw, readings, strict=True):
        made, note = _column(column, cells, elsewhere)
        columns.append(made)
        if note:
            notes.append(note)
    return columns, notes


def words(name: str) -> list[str]:
    """The words of a column's name, in lower case: unit_price and unitPrice have two."""
    return [word.lower() for word in _WORD.findall(name)]


def _readings(cells: Sequence[Cell]) -> list[NumberReading | Decimal | None] | None:
    """What each cell can mean as a number; None if one of them can't be any."""
    readings: list[NumberReading | Decimal | None] = []
    known: dict[str, NumberReading | None] = {}
    for cell in cells:
        if cell is None:
            readings.append(None)
        elif isinstance(cell, bool):
            return None
        elif isinstance(cell, (int, float)):
            value = number.exact(cell)
            if value is None:
                return None
            readings.append(value)
        else:
            text = cell.strip()
            if text not in known:
                known[text] = None if text in BLANKS else number.read(text)
                if known[text] is None and text not in BLANKS:
                    return None
            readings.append(known[text])
    return readings if any(reading is not None for reading in readings) else None


def _column(
    raw: RawColumn, readings: list[NumberReading | Decimal | None] | None, elsewhere: DecimalMark | None
) -> tuple[Column, str | None]:
    label = printable(raw.label or _label(raw.name)).replace("\n", " ")
    texts = tuple(_text(cell) for cell in raw.cells)
    note = None
    if readings is not None:
        identifier = _is_identifier(raw.name, readings)
        found = number.resolve(readings, elsewhere, grouped=not identifier)
        if isinstance(found, Numbers):
            additive = (
                raw.total if raw.total is not None else not identifier and _adds_up(raw.name, found.style)
            )
            printed = tuple(
                text if value is None else found.style.print(value)
                for text, value in zip(texts, found.values, strict=True)
            )
            numbers = Column(
                raw.name, label, ColumnKind.NUMBER, printed, found.values, (), found.style, additive=additive
            )
            return numbers, None
        if found is Doubt.MARK:
            example = next(
                text
                for text, reading in zip(texts, readings, strict=True)
                if isinstance(reading, NumberReading) and reading.point != reading.comma
            )
            note = f"“{label}” is not summed: {example} can mean a thousand or a fraction."
    days = read_dates([None if text in BLANKS else text for text in texts])
    if days is not None:
        return Column(raw.name, label, ColumnKind.DATE, tuple(map(print_moment, texts)), (), days), note
    return Column(raw.name, label, ColumnKind.TEXT, texts), note


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case str():
            return printable(cell)
        case _:
            return str(cell)


def _label(name: str) -> str:
    """A heading from a name: unit_price becomes Unit price; what has capitals stays."""
    if name.islower():
        name = name.replace("_", " ").strip() or name
        return name[:1].upper() + name[1:]
    return name


def _is_identifier(name: str, readings: Sequence[NumberReading | Decimal | None]) -> bool:
    named = words(name)
    if _IDENTIFIERS.intersection(named) and "of" not in named:
        return True
    if {"date", "month", "day"}.isdisjoint(named):
        return False
    values = [
        item.point if isinstance(item, NumberReading) else item for item in readings if item is not None
    ]
    return all(value is not None and value == value.to_integral_value() for value in values)


def _adds_up(name: str, style: Style) -> bool:
    named = words(name)
    if style.suffix.strip() == "%" or _RATES.intersection(named):
        return False
    return not any(_PERCENTILE.fullmatch(word) for word in re.split(r"[^a-z0-9]+", name.lower()))
