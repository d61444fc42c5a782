"""The chart of a report: one number by one category, or over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.page.axis import Axis
from corral_jobs.report.page.period import Period
from corral_jobs.report.request import ChartRequest, ReportRequest
from corral_jobs.report.table.column import Column, ColumnKind
from corral_jobs.report.table.number import Style
from corral_jobs.report.table.table import Table

Measure = Literal["sum", "mean", "count"]
Shape = Literal["bars", "columns", "line"]

_MOST_BARS = 12
"""Further categories become one bar, Other."""
_MOST_COLUMNS = 36
"""More points in time are drawn as a line."""
_MOST_ORDERED = 60
"""More values of a numeric category, such as years, are no categories."""
_FEW = range(2, 13)
"""As many different texts make a column of categories."""
_OTHER = "Other"


@dataclass(frozen=True, slots=True)
class Point:
    """One bar, column or corner of the line."""

    label: str
    value: Decimal
    printed: str = ""
    muted: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn."""

    shape: Shape
    title: str
    caption: str
    points: tuple[Point, ...]
    axis: Axis


@dataclass(frozen=True, slots=True)
class ChartSubject:
    """What the chart and the summary are about."""

    value: Column | None
    """None when rows are counted."""
    by: Column | None
    measure: Measure

    @property
    def name(self) -> str:
        """What the number is called."""
        if self.value is None or self.measure == "count":
            return "Rows"
        return self.value.label if self.measure == "sum" else f"Average {lower(self.value.label)}"

    @property
    def style(self) -> Style:
        """How the number is printed."""
        if self.value is None or self.measure == "count":
            return Style()
        return self.value.style


def subject_of(table: Table, request: ReportRequest) -> ChartSubject:
    """What the request names, and the most telling columns for what it leaves open.

    Raises:
        InvalidReport: it names a column that isn't there, or that is no number.
    """
    if not table.row_count:
        return ChartSubject(None, None, "count")
    asked = request.chart if isinstance(request.chart, ChartRequest) else ChartRequest()
    value = None if asked.value is None else table.column(asked.value, "/chart/value")
    if asked.measure == "count":
        value = None
    elif value is None:
        value = _telling_number(table.columns)
    elif value.kind is not ColumnKind.NUMBER:
        raise InvalidReport("/chart/value", f"{value.name!r} holds {value.kind.value}s, not numbers")
    if asked.by is not None:
        by: Column | None = table.column(asked.by, "/chart/by")
    elif request.group_by is not None:
        by = table.column(request.group_by, "/group_by")
    else:
        by = _telling_category(table)
    if value is None:
        return ChartSubject(None, by, "count")
    return ChartSubject(value, by, asked.measure or ("sum" if value.additive else "mean"))


def draw(subject: ChartSubject) -> Chart | None:
    """The chart of that subject; None where there is nothing to compare."""
    by = subject.by
    if by is None:
        return None
    shape, points, per = _points(subject, by)
    if len(points) < 2:
        return None
    how = {"sum": "Sum", "mean": "Mean", "count": "Number of rows"}[subject.measure]
    over = "" if subject.value is None or subject.measure == "count" else f" of {lower(subject.value.label)}"
    return Chart(
        shape,
        f"{subject.name} by {lower(per)}",
        f"{how}{over} for each {lower(per)}",
        _printed(points, subject),
        Axis.spanning([point.value for point in points], subject.style),
    )


def _points(subject: ChartSubject, by: Column) -> tuple[Shape, list[Point], str]:
    """How they are drawn, what, and what each of them stands for."""
    match by.kind:
        case ColumnKind.DATE:
            return _over_time(subject, by)
        case ColumnKind.NUMBER:
            return "columns", _in_order(subject, by), by.label
        case ColumnKind.TEXT:
            return "bars", _by_size(subject, by), by.label


def measured(subject: ChartSubject, keys: Iterable[object]) -> dict[object, Decimal]:
    """The figure for each key; `keys` has one for each row, None where it belongs to none."""
    sums: dict[object, Decimal] = {}
    counts: dict[object, int] = {}
    numbers: Sequence[Decimal | None] | None = None
    if subject.value is not None and subject.measure != "count":
        numbers = subject.value.numbers
    for row, key in enumerate(keys):
        number = Decimal(1) if numbers is None else numbers[row]
        if key is not None and number is not None:
            sums[key] = sums.get(key, Decimal(0)) + number
            counts[key] = counts.get(key, 0) + 1
    if subject.measure == "mean":
        return {key: total / counts[key] for key, total in sums.items()}
    return sums


def _by_size(subject: ChartSubject, by: Column) -> list[Point]:
    figures = measured(subject, (text.replace("\n", " ") or "(none)" for text in by.texts))
    ranked = sorted(figures.items(), key=lambda item: (-item[1], str(item[0])))
    points = [Point(str(label), value) for label, value in ranked]
    if len(points) <= _MOST_BARS:
        return points
    rest = points[_MOST_BARS - 1 :]
    shown = points[: _MOST_BARS - 1]
    if subject.measure != "mean":  # a mean of means is no figure
        total = sum((point.value for point in rest), Decimal(0))
        shown.append(Point(f"{_OTHER} ({len(rest)})", total, muted=True))
    return shown


def _in_order(subject: ChartSubject, by: Column) -> list[Point]:
    figures = measured(subject, by.numbers)
    if len(figures) > _MOST_ORDERED:
        return []
    texts = dict(zip(by.numbers, by.texts, strict=True))
    return [
        Point(texts[key], figures[key])
        for key in sorted(key for key in texts if key is not None and key in figures)
    ]


def _over_time(subject: ChartSubject, by: Column) -> tuple[Shape, list[Point], str]:
    days = {day for day in by.dates if day is not None}
    period = Period.dividing(days)
    if period is None:
        return "line", [], by.label
    figures = measured(subject, (None if day is None else period.start(day) for day in by.dates))
    points = [
        Point(period.print(start), figures.get(start, Decimal(0)))
        for start in period.starts(min(days), max(days))
        if start in figures or subject.measure != "mean"
    ]
    return "columns" if len(points) <= _MOST_COLUMNS else "line", points, period.value


def _printed(points: Sequence[Point], subject: ChartSubject) -> tuple[Point, ...]:
    """The points with their figures, all with the same decimals: those that the largest needs."""
    decimals = figure_decimals(max(abs(point.value) for point in points), subject)
    style = subject.style.with_decimals(decimals)
    return tuple(replace(point, printed=style.print(point.value)) for point in points)


def figure_decimals(largest: Decimal, subject: ChartSubject) -> int:
    """Decimals of figures up to `largest`: a reader compares five digits, not eight."""
    decimals = subject.style.decimals
    if largest >= 10_000:
        return 0
    if subject.measure == "mean":
        return max(2, decimals or 0) if largest < 1_000 else 1
    return 2 if decimals is None else decimals


def _telling_number(columns: Sequence[Column]) -> Column | None:
    """Money before counts, sums before rates; the last of several sums of money, as results stand to the right."""
    numbers = [column for column in columns if column.kind is ColumnKind.NUMBER and column.style.grouped]
    additive = [column for column in numbers if column.additive]
    money = [column for column in additive if column.is_money]
    return money[-1] if money else next(iter(additive or numbers), None)


def _telling_category(table: Table) -> Column | None:
    """A column with a few different texts, else the time, else the first of many texts."""
    texts = [column for column in table.columns if column.kind is ColumnKind.TEXT]
    distinct = {column.name: len(set(column.texts)) for column in texts}
    for column in texts:
        if distinct[column.name] in _FEW and table.row_count >= 2 * distinct[column.name]:
            return column
    for column in table.columns:
        if column.kind is ColumnKind.DATE:
            return column
    for column in texts:
        if distinct[column.name] in _FEW or 2 <= distinct[column.name] <= table.row_count / 4:
            return column
    return None


def lower(label: str) -> str:
    """`label` inside a sentence: abbreviations and names with inner capitals stay."""
    first = label.split(maxsplit=1)[0] if label.split() else label
    return label[:1].lower() + label[1:] if first[1:].islower() or len(first) == 1 else label
