"""The table of a report: columns of equal length, in the order in which they are printed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.request import MAX_CELLS, ChartRequest, ColumnRequest, ReportRequest
from corral_jobs.report.table.column import Column, ColumnKind, RawColumn, read_columns
from corral_jobs.report.table.data import Data


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive rows with the same value in the column that the table is grouped by."""

    label: str
    rows: range


@dataclass(frozen=True, slots=True)
class Table:
    """What is printed. `notes` tell the reader what was left alone, and why."""

    columns: tuple[Column, ...]
    row_count: int
    groups: tuple[Group, ...] = ()
    aside: tuple[Column, ...] = ()
    """Read for the groups or the chart, and not printed."""
    notes: tuple[str, ...] = ()

    @property
    def totalled(self) -> bool:
        """Whether a row of totals says anything that the rows don't."""
        return self.row_count > 1 and any(column.additive for column in self.columns)

    @property
    def every_column(self) -> tuple[Column, ...]:
        """The printed columns and those aside."""
        return self.columns + self.aside

    def column(self, name: str, field: str) -> Column:
        """The column of that name.

        Raises:
            InvalidReport: there is none; `field` is where the request names it.
        """
        for column in self.every_column:
            if column.name == name:
                return column
        raise InvalidReport(field, f"no column is named {name!r}; there are {_names(self.every_column)}")


def arrange(data: Data, request: ReportRequest) -> Table:
    """The columns that the request names, each read as what it holds, in the groups it asks for.

    Raises:
        InvalidReport: the request names a column that the data lack, or they are too many.
    """
    if not data.columns:
        return Table((), 0)
    chosen = _chosen(data.columns, request.columns)
    if data.row_count * len(chosen) > MAX_CELLS:
        raise InvalidReport(
            data.field, f"{data.row_count:,} rows of {len(chosen)} columns are more than {MAX_CELLS:,} cells"
        )
    shown = len(chosen)
    columns, notes = read_columns([*chosen, *_mentioned(data.columns, chosen, request)])
    table = Table(tuple(columns[:shown]), data.row_count, aside=tuple(columns[shown:]), notes=tuple(notes))
    return table if request.group_by is None else _grouped(table, request.group_by)


def _chosen(raw: Sequence[RawColumn], wanted: Sequence[ColumnRequest] | None) -> Sequence[RawColumn]:
    if wanted is None:
        return raw
    by_name = {column.name: column for column in raw}
    chosen = []
    for at, column in enumerate(wanted):
        found = by_name.get(column.name)
        if found is None:
            raise InvalidReport(
                f"/columns/{at}/name", f"no column is named {column.name!r}; there are {_names(raw)}"
            )
        chosen.append(RawColumn(found.name, found.cells, column.label, column.total))
    return chosen


def _mentioned(
    raw: Sequence[RawColumn], chosen: Sequence[RawColumn], request: ReportRequest
) -> list[RawColumn]:
    """What groups and chart name and `columns` leaves out."""
    chart = request.chart
    named = {request.group_by} | ({chart.value, chart.by} if isinstance(chart, ChartRequest) else set())
    named -= {column.name for column in chosen}
    return [column for column in raw if column.name in named]


def _grouped(table: Table, by: str) -> Table:
    """The rows ordered by that column, which heads each group and leaves the columns."""
    column = table.column(by, "/group_by")
    if [each.name for each in table.columns] == [by]:
        raise InvalidReport("/group_by", f"{by!r} is the only column; nothing is left to print")
    order = sorted(range(table.row_count), key=_order(column))
    ordered = [each.arranged(order) for each in table.every_column]
    texts = column.arranged(order).texts
    groups: list[Group] = []
    start = 0
    for row in range(1, table.row_count + 1):
        if row == table.row_count or texts[row] != texts[start]:
            groups.append(Group(texts[start].replace("\n", " ") or "(none)", range(start, row)))
            start = row
    shown = {each.name for each in table.columns} - {by}
    return Table(
        tuple(each for each in ordered if each.name in shown),
        table.row_count,
        tuple(groups),
        tuple(each for each in ordered if each.name not in shown),
        table.notes,
    )


def _order(column: Column) -> Callable[[int], tuple[object, ...]]:
    """Rows of one group together, groups by value, those without a value last."""
    match column.kind:
        case ColumnKind.NUMBER:
            values: Sequence[object | None] = column.numbers
        case ColumnKind.DATE:
            values = column.dates
        case ColumnKind.TEXT:
            values = [text.casefold() or None for text in column.texts]
    return lambda row: (
        values[row] is None,
        values[row] if values[row] is not None else "",
        column.texts[row],
    )


def _names(columns: Sequence[Column] | Sequence[RawColumn]) -> str:
    shown = ", ".join(repr(column.name) for column in columns[:12])
    return f"{shown} and {len(columns) - 12} more" if len(columns) > 12 else shown
