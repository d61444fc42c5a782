"""The figures at the head of a report."""

from dataclasses import dataclass
from decimal import Decimal

from corral_jobs.report.page.chart import ChartSubject, figure_decimals, lower, measured
from corral_jobs.report.table.calendar_date import print_span
from corral_jobs.report.table.column import Column, ColumnKind, words
from corral_jobs.report.table.table import Table

_MOST = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name, and a remark that puts it in proportion."""

    label: str
    value: str
    remark: str = ""


def figures_of(table: Table, subject: ChartSubject) -> tuple[Figure, ...]:
    """How much, of what, the most of it where, and when: four at most."""
    figures = [_main(subject.value)] if subject.value is not None else []
    figures.append(Figure("Rows", f"{table.row_count:,}", _groups(table)))
    figures += _leader(subject)
    figures += [_span(column) for column in table.every_column if column.kind is ColumnKind.DATE][:1]
    figures += [_main(column) for column in table.columns if column.additive and column is not subject.value]
    return tuple(figures[:_MOST])


def _main(column: Column) -> Figure:
    numbers = [value for value in column.numbers if value is not None]
    total = column.total()
    decimals = column.style.decimals if column.style.decimals is not None else 2
    style = column.style.with_decimals(decimals)
    mean = column.style.with_decimals(max(decimals, min(decimals + 1, 2))).print(total / len(numbers))
    if not column.additive:
        spread = f"{style.print(min(numbers))} to {style.print(max(numbers))}"
        return Figure(f"Average {lower(column.label)}", mean, spread)
    if abs(total) >= 10**7:  # the decimals of ten million are no summary
        style = style.with_decimals(0)
    label = column.label if "total" in words(column.name) else f"Total {lower(column.label)}"
    return Figure(label, style.print(total), f"{mean} on average" if len(numbers) > 1 else "")


def _groups(table: Table) -> str:
    return f"in {len(table.groups):,} groups" if len(table.groups) > 1 else ""


def _leader(subject: ChartSubject) -> list[Figure]:
    """The category with the most, and its share where all are parts of a whole."""
    if subject.by is None or subject.by.kind is not ColumnKind.TEXT or subject.measure == "mean":
        return []
    shares = measured(subject, (text or None for text in subject.by.texts))
    if len(shares) < 2:
        return []
    first, most = max(shares.items(), key=lambda item: item[1])
    whole = sum(shares.values(), Decimal(0))
    if whole > 0 and min(shares.values()) >= 0:
        remark = f"{100 * most / whole:.0f} % of {lower(subject.name)}"
    else:
        remark = subject.style.with_decimals(figure_decimals(abs(most), subject)).print(most)
    return [Figure(f"Largest {lower(subject.by.label)}", str(first).replace("\n", " "), remark)]


def _span(column: Column) -> Figure:
    days = [day for day in column.dates if day is not None]
    return Figure(
        column.label, print_span(min(days), max(days)), f"{(max(days) - min(days)).days + 1:,} days"
    )
