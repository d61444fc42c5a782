"""From data to a table: columns chosen, rows grouped, limits kept."""

from typing import Any

import pytest

from corral_jobs.report import InvalidReport, ReportRequest
from corral_jobs.report.table.data import gather
from corral_jobs.report.table.table import Table, arrange


def table(rows_of_source: list[dict[str, Any]] | None = None, **request: Any) -> Table:
    made = ReportRequest.model_validate({"title": "T", **request})
    return arrange(gather(made, rows_of_source), made)


def test_columns_stand_in_the_order_in_which_they_first_occur() -> None:
    made = table(rows=[{"b": 1}, {"a": "x", "b": 2}, {"c": None}])
    assert [(column.label, column.texts) for column in made.columns] == [
        ("B", ("1", "2", "")),
        ("A", ("", "x", "")),
        ("C", ("", "", "")),
    ]


def test_the_request_chooses_orders_and_names_the_columns() -> None:
    made = table(csv="a,b,c\n1,2,3", columns=["c", {"name": "a", "label": "First"}])
    assert [column.label for column in made.columns] == ["C", "First"]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"columns": ["a", "z"]}, "/columns/1/name"),
        ({"group_by": "z"}, "/group_by"),
    ],
)
def test_an_unknown_column_is_named_with_those_there_are(request_: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidReport, match="no column is named 'z'; there are 'a', 'b'") as caught:
        table(csv="a,b\n1,2", **request_)
    assert caught.value.field == field


def test_groups_hold_their_rows_in_order_and_those_without_a_value_come_last() -> None:
    made = table(
        rows=[{"g": group, "n": number} for number, group in enumerate(["b", None, "a", "b", "a"])],
        group_by="g",
    )
    assert [(group.label, [made.columns[0].texts[row] for row in group.rows]) for group in made.groups] == [
        ("a", ["2", "4"]),
        ("b", ["0", "3"]),
        ("(none)", ["1"]),
    ]
    assert [column.name for column in made.columns] == ["n"]


def test_dates_and_numbers_group_by_value() -> None:
    by_date = table(csv="d,n\n10.02.2026,1\n09.03.2026,2\n01.02.2026,3", group_by="d")
    assert [group.label for group in by_date.groups] == ["01.02.2026", "10.02.2026", "09.03.2026"]
    by_number = table(rows=[{"k": 10, "n": 1}, {"k": 9, "n": 2}], group_by="k")
    assert [group.label for group in by_number.groups] == ["9", "10"]


def test_a_table_can_be_grouped_by_a_column_that_is_not_printed() -> None:
    made = table(csv="g,n\nx,1\ny,2", columns=["n"], group_by="g")
    assert [column.name for column in made.columns] == ["n"]
    assert [group.label for group in made.groups] == ["x", "y"]


def test_the_only_column_cannot_be_the_group() -> None:
    with pytest.raises(InvalidReport, match="nothing is left to print"):
        table(csv="g\nx\ny", group_by="g")


def test_one_row_has_no_totals() -> None:
    assert not table(rows=[{"n": 1}]).totalled
    assert table(rows=[{"n": 1}, {"n": 2}]).totalled
    assert not table(rows=[{"price": 1}, {"price": 2}]).totalled


def test_data_beyond_the_limits_are_refused_where_they_are() -> None:
    with pytest.raises(
        InvalidReport, match="14,000 rows of 30 columns are more than 400,000 cells"
    ) as caught:
        table(rows=[{f"c{number}": 1 for number in range(30)}] * 14_000)
    assert caught.value.field == "/rows"
    with pytest.raises(InvalidReport, match="has 2,001 characters") as caught:
        table(rows=[{"a": "x"}, {"a/b": "x" * 2_001}])
    assert caught.value.field == "/rows/1/a~1b"
    with pytest.raises(InvalidReport, match="more than 30 columns; row 16 adds another"):
        table(rows=[{f"c{row}": 1, f"d{row}": 1} for row in range(20)])


def test_statistics_need_their_rows_and_may_have_none() -> None:
    with pytest.raises(InvalidReport, match="the rows of queue-statistics were not given"):
        table(source="queue-statistics")
    empty = table([], source="queue-statistics", columns=["queue"], group_by="queue")
    assert (empty.columns, empty.row_count) == ((), 0)
