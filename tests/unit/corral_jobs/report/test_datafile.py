"""The data of a report beside its document: CSV for programs, XLSX for spreadsheets, nothing that runs."""

import csv
import io
import re
import zipfile
from typing import Any

import pytest
from tests.unit.corral_jobs.report.conftest import NOW

from corral_jobs.report import ReportRequest
from corral_jobs.report.table.data import gather
from corral_jobs.report.table.datafile import data_files
from corral_jobs.report.table.table import arrange


def files_of(**request: Any) -> dict[str, bytes]:
    asked = ReportRequest(title="Orders", **request)
    made = list(data_files(arrange(gather(asked), asked), "orders", asked.title, NOW))
    assert [one.file.size_bytes for one in made] == [len(one.content) for one in made]
    return {one.file.name: one.content for one in made}


def cells_of(sheet: bytes) -> list[list[tuple[str, str]]]:
    """Kind and text of each cell, row by row."""
    text = zipfile.ZipFile(io.BytesIO(sheet)).read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in text, "a formula"
    return [
        [
            (kind or "n", re.sub("<[^>]+>", "", inside))
            for kind, inside in re.findall(r'<c r="[A-Z]+\d+"(?: s="\d+")?(?: t="(\w+)")?>(.*?)</c>', row)
        ]
        for row in re.findall(r"<row [^>]*>(.*?)</row>", text)
    ]


ROWS = [
    {"region": 'North, "old"', "day": "2026-01-02", "sum": 12.5},
    {"region": "=cmd()", "day": "2026-01-03", "sum": -3},
    {"region": "+49 30\nline", "day": None, "sum": None},
]


def test_values_are_written_as_they_are_and_texts_never_run():
    made = files_of(rows=ROWS)
    assert list(csv.reader(io.StringIO(made["orders.csv"].decode(), newline=""))) == [
        ["region", "day", "sum"],
        ['North, "old"', "2026-01-02", "12.5"],
        ["'=cmd()", "2026-01-03", "-3"],
        ["'+49 30\nline", "", ""],
    ]
    header, *rows = cells_of(made["orders.xlsx"])
    assert [text for _, text in header] == ["Region", "Day", "Sum"]
    assert rows[1] == [("inlineStr", "=cmd()"), ("inlineStr", "2026-01-03"), ("n", "-3")]


def test_the_same_table_makes_the_same_bytes():
    assert files_of(rows=ROWS) == files_of(rows=ROWS)


def test_groups_and_chosen_columns_are_in_the_order_of_the_report():
    made = files_of(rows=[{"a": 1, "b": "y"}, {"a": 2, "b": "x"}], group_by="b")
    assert made["orders.csv"].decode().split() == ["a,b", "2,x", "1,y"]


@pytest.mark.parametrize("number", ["12345678901234567890", "0.12345678901234567"])
def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_a_text_there(number: str):
    kind, text = cells_of(files_of(rows=[{"weight": float(1)}], csv=None)["orders.xlsx"])[1][0]
    assert (kind, text) == ("n", "1")
    made = files_of(csv=f"amount\n{number}\n1.5\n")
    assert number in made["orders.csv"].decode()
    assert cells_of(made["orders.xlsx"])[1][0] == ("inlineStr", number)
