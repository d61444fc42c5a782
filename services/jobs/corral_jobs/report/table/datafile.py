"""The data of a report as files that programs and spreadsheets read: CSV and XLSX, the same bytes for the same table."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import Any

from corral_jobs.report.result import DataFile
from corral_jobs.report.table.column import Column, ColumnKind
from corral_jobs.report.table.table import Table

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EXACT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps; longer ones are written as text."""
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text of a CSV file for a formula. Source: OWASP, CSV Injection."""
WIDTH = 16.0
"""Of a column of the sheet, in characters."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file and its description."""

    content: bytes
    file: DataFile


def data_files(table: Table, stem: str, title: str, now: datetime) -> Iterator[MadeFile]:
    """The CSV file and the sheet of a table; no `now` but the report's own is in them. None for a table without columns."""
    columns = table.every_column
    if not columns:
        return
    yield _made(f"{stem}.csv", CSV, _csv(columns, table.row_count))
    yield _made(f"{stem}.xlsx", XLSX, _xlsx(columns, table.row_count, title, now))


def _made(name: str, media_type: str, content: bytes) -> MadeFile:
    digest = hashlib.sha256(content).hexdigest()
    return MadeFile(
        content, DataFile(name=name, media_type=media_type, size_bytes=len(content), sha256=digest)
    )


def _csv(columns: tuple[Column, ...], rows: int) -> bytes:
    """UTF-8 with a header line. A text that a spreadsheet would run as a formula begins with an apostrophe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([_no_formula(column.name) for column in columns])
    for row in range(rows):
        writer.writerow([_plain(column, row) for column in columns])
    return text.getvalue().encode()


def _plain(column: Column, row: int) -> str:
    value = _value(column, row)
    match value:
        case Decimal():
            return f"{value:f}"
        case None:
            return ""
        case _:
            return _no_formula(str(value)) if column.kind is ColumnKind.TEXT else str(value)


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


def _xlsx(columns: tuple[Column, ...], rows: int, title: str, now: datetime) -> bytes:
    """One sheet with a header that stays in sight. Texts are written as texts: none is a formula or a link."""
    from xlsxwriter import Workbook  # noqa: PLC0415  a worker that makes no report starts sooner

    with TemporaryDirectory(prefix="corral-report-") as folder:
        made = io.BytesIO()
        # Row by row: a sheet of 400,000 cells takes no more memory than one of a hundred.
        book = Workbook(made, {"constant_memory": True, "tmpdir": folder})
        book.set_properties({"title": title, "author": "Corral", "created": now.replace(tzinfo=None)})
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("Report")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(columns) - 1, WIDTH)
        for at, column in enumerate(columns):
            sheet.write_string(0, at, column.label, bold)
        for row in range(rows):
            for at, column in enumerate(columns):
                _write(sheet, row + 1, at, _value(column, row))
        sheet.autofilter(0, 0, rows, len(columns) - 1)
        book.close()
        return made.getvalue()


def _write(sheet: Any, row: int, at: int, value: Decimal | str | None) -> None:
    match value:
        case None | "":
            return
        case Decimal() if len(value.as_tuple().digits) <= EXACT_DIGITS:
            sheet.write_number(row, at, float(value))
        case Decimal():
            sheet.write_string(row, at, f"{value:f}")
        case _:
            sheet.write_string(row, at, value)


def _value(column: Column, row: int) -> Decimal | str | None:
    """What a cell holds: a number, or a text; dates and times are written as ISO 8601 has them."""
    if column.kind is ColumnKind.NUMBER:
        return column.numbers[row]
    if column.kind is ColumnKind.DATE:
        day = column.dates[row]
        return None if day is None else day.isoformat()
    return column.texts[row]
