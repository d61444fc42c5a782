"""CSV text: dialects that are understood, and errors that name the line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral_jobs.report import InvalidReport
from corral_jobs.report.request import MAX_CELL_LENGTH, MAX_COLUMNS, MAX_ROWS
from corral_jobs.report.table.csvtext import read_csv


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_the_delimiter_and_line_ends_are_recognised(delimiter: str, end: str, start: str) -> None:
    lines = [["name", "price, net", "note"], ["Zoë", "1,5", 'say "hi"'], ["", "", "a;b"], ["x\ny", "2", "-"]]
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(lines)
    assert read_csv(start + text.getvalue()) == (lines[0], lines[1:])


def test_decimal_commas_do_not_pass_for_delimiters() -> None:
    header, rows = read_csv("city;rain;sun\nOslo;1,5;2,5\nBergen;8,25;0,5\n")
    assert header == ["city", "rain", "sun"]
    assert rows[1] == ["Bergen", "8,25", "0,5"]


def test_a_single_column_needs_no_delimiter() -> None:
    assert read_csv("n\n1\n2\n") == (["n"], [["1"], ["2"]])


def test_a_spreadsheet_may_name_its_delimiter_and_lines_still_count() -> None:
    assert read_csv("sep=;\r\na;b\r\n1;2\r\n") == (["a", "b"], [["1", "2"]])
    with pytest.raises(InvalidReport, match="line 4 has 1 cell; the header names 2"):
        read_csv("sep=;\na;b\n1;2\n3\n")


def test_blank_lines_are_no_rows() -> None:
    assert read_csv("\n\na,b\n\n1,2\n,\n \n3,4\n\n")[1] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("a,b\n", "has a header line and no rows"),
        ("a,b\n1,2\n3\n", "line 3 has 1 cell; the header names 2"),
        ("a,b\n1,2\n\n3,4,5\n", "line 4 has 3 cells; the header names 2"),
        ('a,b\n"x\ny",2\n3\n', "line 4 has 1 cell; the header names 2"),
        ("a,b,a\n1,2,3\n", "the header names 'a' twice, in columns 1 and 3"),
        ("a,,c\n1,2,3\n", "column 2 has no name in the header"),
        ('a,b\n1,"2\n3,4\n', "line 2 cannot be read"),
        (f"a,b\n1,2\n1,{'x' * (MAX_CELL_LENGTH + 1)}\n", "line 3, 'b' has 2,001 characters"),
        (f"a,b\n1,{'x' * 200_000}\n", "line 2 cannot be read: field larger"),
        (",".join(f"c{n}" for n in range(MAX_COLUMNS + 1)) + "\n", f"has {MAX_COLUMNS + 1} columns"),
        ("a\n" + "1\n" * (MAX_ROWS + 1), "has more than 50,000 rows"),
        ("x" * 121 + ",b\n1,2\n", "the name of column 1 has 121 characters"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(InvalidReport) as caught:
        read_csv(text)
    assert caught.value.field == "/csv"
    assert caught.value.reason.startswith(reason)
    assert caught.value.errors[0].pointer == "/csv"


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(
    st.lists(st.tuples(cells, cells, cells).filter(lambda row: any(cell.strip() for cell in row)), min_size=1)
)
def test_any_table_survives_being_written_as_csv(rows: list[tuple[str, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("one", "two", "three"), *rows])
    assert read_csv(text.getvalue()) == (["one", "two", "three"], [list(row) for row in rows])


@given(st.text(max_size=300))
def test_any_text_is_a_table_or_an_invalid_report(text: str) -> None:
    try:
        header, rows = read_csv(text)
    except InvalidReport:
        return
    assert all(len(row) == len(header) for row in rows)
