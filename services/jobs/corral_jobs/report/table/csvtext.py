"""Reading CSV text: its delimiter, its header and its rows, or the line that is wrong."""

import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator

from corral_jobs.report.invalid import InvalidReport
from corral_jobs.report.request import MAX_CELL_LENGTH, MAX_COLUMNS, MAX_NAME_LENGTH, MAX_ROWS

_DELIMITERS = ",;\t"
_SAMPLE = 40
"""Records that are read to tell the delimiter."""
_FIELD = "/csv"


def read_csv(text: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows, all as long as the header.

    Raises:
        InvalidReport: naming the line (counted from 1) and what is wrong with it.
    """
    text = text.removeprefix("\ufeff")
    start = 1
    delimiter = None
    if text[:4].lower() == "sep=":  # written by spreadsheets for spreadsheets
        head, _, text = text.partition("\n")
        delimiter, start = head[4:].rstrip("\r"), 2
    if delimiter is None or delimiter not in tuple(_DELIMITERS):
        delimiter = _delimiter(text)
    records = _records(text, delimiter, start)
    _, first = next(records, (0, None))
    if first is None:
        raise InvalidReport(_FIELD, "is empty; a header line and rows are needed")
    header = _header(first)
    rows = [_row(line, record, header) for line, record in itertools.islice(records, MAX_ROWS + 1)]
    if not rows:
        raise InvalidReport(_FIELD, "has a header line and no rows")
    if len(rows) > MAX_ROWS:
        raise InvalidReport(_FIELD, f"has more than {MAX_ROWS:,} rows")
    return header, rows


def _delimiter(text: str) -> str:
    """The one that divides the most records into as many cells as the first, two or more."""

    def score(candidate: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=candidate)
        try:
            widths = [len(record) for record in itertools.islice(filter(None, reader), _SAMPLE)]
        except csv.Error:
            return (0, 0)
        if not widths or widths[0] < 2:
            return (0, 0)
        return (Counter(widths)[widths[0]], widths[0])

    return max(_DELIMITERS, key=score)


def _records(text: str, delimiter: str, start: int) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins on; blank lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = start + reader.line_num
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidReport(_FIELD, f"line {line} cannot be read: {error}") from error
        if any(cell.strip() for cell in record):
            yield line, record


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(names) > MAX_COLUMNS:
        raise InvalidReport(_FIELD, f"has {len(names)} columns; at most {MAX_COLUMNS} fit a page")
    first_at: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            raise InvalidReport(_FIELD, f"column {number} has no name in the header")
        if len(name) > MAX_NAME_LENGTH:
            raise InvalidReport(
                _FIELD, f"the name of column {number} has {len(name)} characters; at most {MAX_NAME_LENGTH}"
            )
        if name in first_at:
            raise InvalidReport(
                _FIELD, f"the header names {name!r} twice, in columns {first_at[name]} and {number}"
            )
        first_at[name] = number
    return names


def _row(line: int, cells: list[str], header: list[str]) -> list[str]:
    if len(cells) != len(header):
        has = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
        raise InvalidReport(_FIELD, f"line {line} has {has}; the header names {len(header)}")
    for name, cell in zip(header, cells, strict=True):
        if len(cell) > MAX_CELL_LENGTH:
            raise InvalidReport(
                _FIELD, f"line {line}, {name!r} has {len(cell):,} characters; at most {MAX_CELL_LENGTH:,}"
            )
    return cells
