"""Numbers: which texts can mean one number only, and how numbers are printed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

MAX_DIGITS = 15
"""Before the decimal mark; longer runs of digits are account or card numbers, not amounts."""
MAX_DECIMALS = 20
"""Programs that print floats in full write up to 17."""
MAX_PADDED_DECIMALS = 6
"""Columns with more decimals are printed as they were written."""
BLANKS = frozenset({"", "-", "\u2013", "\u2014", "n/a", "N/A", "NA", "null", "NULL", "None", "NaN", "nan"})
"""Texts that stand for no value, in columns of numbers and of dates."""

_CURRENCY = "€$£¥₹₽₺₩"
_SHAPE = re.compile(
    rf"(?P<before>[{_CURRENCY}][ \u00a0]?)?(?P<sign>[-+\u2212]?)(?P<prefix>[{_CURRENCY}][ \u00a0]?)?"
    rf"(?P<digits>\d(?:[\d.,'\u2019\u00a0\u202f ]*\d)?)(?P<suffix>[ \u00a0\u202f]?[%{_CURRENCY}])?",
    re.ASCII,
)
_PLAIN = re.compile(r"0|[1-9]\d*")
_POINT_DECIMAL = re.compile(r"(?:0|[1-9]\d*)\.\d+")
_COMMA_DECIMAL = re.compile(r"(?:0|[1-9]\d*),\d+")
_POINT_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
_COMMA_GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?")
_SPACE_GROUPED = re.compile(r"[1-9]\d{0,2}(?:[ '\u2019\u00a0\u202f]\d{3})+(?P<rest>[.,]\d+)?")
_GROUP_MARKS = str.maketrans("", "", " '\u2019\u00a0\u202f")


class DecimalMark(Enum):
    """The decimal mark: 1,234.56 or 1.234,56."""

    POINT = "."
    COMMA = ","


@dataclass(frozen=True, slots=True)
class Style:
    """How the numbers of one column are printed."""

    mark: DecimalMark = DecimalMark.POINT
    decimals: int | None = 0
    """None: each with the decimals it has."""
    grouped: bool = True
    prefix: str = ""
    suffix: str = ""

    def print(self, value: Decimal) -> str:
        """`value`, never with fewer decimals than it has unless the style says so."""
        digits = (
            f"{value:{',' if self.grouped else ''}{'' if self.decimals is None else f'.{self.decimals}'}f}"
        )
        if self.mark is DecimalMark.COMMA:
            digits = digits.translate({ord(","): ".", ord("."): ","})
        sign = "\u2212" if digits.startswith("-") else ""
        return f"{sign}{self.prefix}{digits.removeprefix('-')}{self.suffix}"

    def with_decimals(self, decimals: int) -> "Style":
        """The same with another number of decimals."""
        return Style(self.mark, decimals, self.grouped, self.prefix, self.suffix)


@dataclass(frozen=True, slots=True)
class NumberReading:
    """What one text can mean under either decimal mark; None where it can't."""

    point: Decimal | None
    comma: Decimal | None
    prefix: str = ""
    suffix: str = ""

    def under(self, mark: DecimalMark) -> Decimal | None:
        """Its value under that mark."""
        return self.point if mark is DecimalMark.POINT else self.comma


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers; None where the cell is blank."""

    values: tuple[Decimal | None, ...]
    style: Style


class Doubt(Enum):
    """Why a column is no column of numbers."""

    TEXT = "some cells are no numbers"
    MARK = "its numbers could mean two things"


def read(text: str) -> NumberReading | None:
    """What `text` can mean as a number; None if nothing."""
    shape = _SHAPE.fullmatch(text)
    if shape is None or (shape["before"] and shape["prefix"]):
        return None
    digits = shape["digits"]
    sign = "-" if shape["sign"] in {"-", "\u2212"} else ""
    point, comma = (
        None if found is None else Decimal(sign + found) for found in (_point(digits), _comma(digits))
    )
    meanings = [value for value in (point, comma) if value is not None]
    if not meanings or not all(map(_is_amount, meanings)):
        return None
    return NumberReading(point, comma, shape["before"] or shape["prefix"] or "", shape["suffix"] or "")


def _point(digits: str) -> str | None:
    if _PLAIN.fullmatch(digits) or _POINT_DECIMAL.fullmatch(digits):
        return digits
    if _POINT_GROUPED.fullmatch(digits):
        return digits.replace(",", "")
    spaced = _SPACE_GROUPED.fullmatch(digits)
    if spaced and (spaced["rest"] or ".").startswith("."):
        return digits.translate(_GROUP_MARKS)
    return None


def _comma(digits: str) -> str | None:
    if _PLAIN.fullmatch(digits) or _COMMA_DECIMAL.fullmatch(digits):
        return digits.replace(",", ".")
    if _COMMA_GROUPED.fullmatch(digits):
        return digits.replace(".", "").replace(",", ".")
    spaced = _SPACE_GROUPED.fullmatch(digits)
    if spaced and (spaced["rest"] or ",").startswith(","):
        return digits.translate(_GROUP_MARKS).replace(",", ".")
    return None


def evidence(readings: Iterable[NumberReading | None]) -> set[DecimalMark]:
    """The decimal marks that texts prove by having a value under only one of them."""
    marks = set()
    for reading in readings:
        if reading is not None and (reading.point is None) != (reading.comma is None):
            marks.add(DecimalMark.COMMA if reading.point is None else DecimalMark.POINT)
    return marks


def resolve(
    readings: Sequence[NumberReading | Decimal | None], elsewhere: DecimalMark | None, *, grouped: bool
) -> Numbers | Doubt:
    """One column's numbers. `None` is a blank cell, a Decimal a number that was sent as one.

    `elsewhere` is the decimal mark that other columns of the same data prove; it
    decides only where this column proves none itself.
    """
    texts = [reading for reading in readings if isinstance(reading, NumberReading)]
    marks = evidence(texts)
    if len(marks) > 1 or len({(text.prefix.strip(), text.suffix.strip()) for text in texts}) > 1:
        return Doubt.TEXT
    agreed = all(text.point == text.comma for text in texts)
    if not marks and not agreed and elsewhere is None:
        return Doubt.MARK
    mark = marks.pop() if marks else (elsewhere or DecimalMark.POINT)
    values = tuple(item.under(mark) if isinstance(item, NumberReading) else item for item in readings)
    decimals = max((_decimals(value) for value in values if value is not None), default=0)
    style = Style(
        mark,
        decimals if decimals <= MAX_PADDED_DECIMALS else None,
        grouped,
        texts[0].prefix if texts else "",
        texts[0].suffix if texts else "",
    )
    return Numbers(values, style)


def exact(number: float) -> Decimal | None:
    """A JSON number without the noise of its binary form; None if it is no amount (1e300)."""
    value = Decimal(number) if isinstance(number, int) else Decimal(format(number, ".12g"))
    return Decimal(format(value, "f")) if _is_amount(value) else None


def _is_amount(value: Decimal) -> bool:
    return abs(value) < 10**MAX_DIGITS and _decimals(value) <= MAX_DECIMALS


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
