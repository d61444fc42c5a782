"""The data of a report as they were sent: cells by column, nothing interpreted yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corral.json_pointer import escaped
from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.request import MAX_CELL_LENGTH, MAX_COLUMNS, MAX_ROWS, Cell, ReportRequest
from corral_jobs.report.table.column import RawColumn
from corral_jobs.report.table.csvtext import read_csv

Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Data:
    """Columns of equal length. `field` is where the request gave them, as a JSON pointer."""

    columns: tuple[RawColumn, ...]
    row_count: int
    field: str


def gather(request: ReportRequest, rows: Sequence[Row] | None = None) -> Data:
    """The data of whichever source the request names; `rows` are those of its `source`.

    Raises:
        InvalidReport: the data are not a table, or larger than a report can be.
    """
    if request.csv is not None:
        header, records = read_csv(request.csv)
        columns = (RawColumn(name, [record[at] for record in records]) for at, name in enumerate(header))
        return Data(tuple(columns), len(records), "/csv")
    if request.rows is not None:
        return _from_rows(request.rows, "/rows")
    if rows is None:
        raise InvalidReport("/source", f"the rows of {request.source} were not given")
    return _from_rows(rows, "/source")


def _from_rows(rows: Sequence[Row], field: str) -> Data:
    """All the names that occur are columns, in the order in which they first do."""
    if len(rows) > MAX_ROWS:
        raise InvalidReport(field, f"has {len(rows):,} rows; at most {MAX_ROWS:,}")
    names: dict[str, None] = {}
    for at, row in enumerate(rows):
        for name, cell in row.items():
            if isinstance(cell, str) and len(cell) > MAX_CELL_LENGTH:
                raise InvalidReport(
                    f"{field}/{at}/{escaped(name)}",
                    f"has {len(cell):,} characters; at most {MAX_CELL_LENGTH:,}",
                )
        names.update(dict.fromkeys(row))
        if len(names) > MAX_COLUMNS:
            raise InvalidReport(field, f"has more than {MAX_COLUMNS} columns; row {at + 1} adds another")
    columns = (RawColumn(name, [row.get(name) for row in rows]) for name in names)
    return Data(tuple(columns), len(rows), field)
