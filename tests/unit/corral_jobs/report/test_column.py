"""What columns are recognised as: numbers, dates, text; and which of them are summed."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral_jobs.report.request import Cell
from corral_jobs.report.table.calendar_date import print_moment, print_span, read_dates
from corral_jobs.report.table.column import Column, ColumnKind, RawColumn, read_columns
from corral_jobs.report.table.number import DecimalMark, Style, read


def column(*cells: Cell, name: str = "amount", beside: list[Cell] | None = None) -> Column:
    raw = [RawColumn(name, cells)]
    if beside is not None:
        raw.append(RawColumn("beside", beside))
    return read_columns(raw)[0][0]


@pytest.mark.parametrize(
    ("cells", "printed", "total"),
    [
        (["1", "20"], ["1", "20"], "21"),
        (["1,234.56", "7"], ["1,234.56", "7.00"], "1241.56"),
        (["1.234,56", "7"], ["1.234,56", "7,00"], "1241.56"),
        (["1,234", "0.5"], ["1,234.0", "0.5"], "1234.5"),
        (["1.234", "0.5"], ["1.234", "0.500"], "1.734"),
        (["1.234", "0,5"], ["1.234,0", "0,5"], "1234.5"),
        (["1 234,5", "12"], ["1.234,5", "12,0"], "1246.5"),
        (["1'234.50"], ["1,234.50"], "1234.50"),
        (["-5", "\u22127", "+3"], ["\u22125", "\u22127", "3"], "-9"),
        (["€ 1,250.00", "€ 3.50"], ["€ 1,250.00", "€ 3.50"], "1253.50"),
        (["-$5", "$7"], ["\u2212$5", "$7"], "2"),
        (["12,50 €", "1.000,00 €"], ["12,50 €", "1.000,00 €"], "1012.50"),
        (["3", "", "n/a", "-", None, "4"], ["3", "", "n/a", "-", "", "4"], "7"),
        ([0.1, 0.2, 0.1 + 0.2], ["0.1", "0.2", "0.3"], "0.6"),
        (["51.507351000000004", "1"], ["51.507351000000004", "1"], "52.507351000000004"),
        ([1e5, 25_000, "10"], ["100,000", "25,000", "10"], "125010"),
    ],
)
def test_unambiguous_numbers_are_aligned_and_summed(
    cells: list[Cell], printed: list[str], total: str
) -> None:
    made = column(*cells)
    assert made.kind is ColumnKind.NUMBER
    assert list(made.texts) == printed
    assert made.additive
    assert made.total() == Decimal(total)


@pytest.mark.parametrize(
    "cells",
    [
        ["1,234", "5,678"],  # a thousand, or a fraction
        ["1.234"],
        ["1,234.5", "1.234,5"],  # both marks proven
        ["007", "8"],
        ["1", "two"],
        ["0.123456789012345678901"],
        ["+49 171 5550123", "12"],
        ["1234567890123456"],  # a card
        ["€ 5", "$ 5"],
        ["1,23,456"],
        ["12 34"],
        ["٣", "٤"],
        [True, 1],
        [1e300],
        ["", "-"],
        [None],
    ],
)
def test_what_may_not_be_a_number_is_left_as_it_is(cells: list[Cell]) -> None:
    made = column(*cells)
    assert made.kind is ColumnKind.TEXT
    assert not made.additive


def test_another_column_proves_the_decimal_mark() -> None:
    assert column("1.234", beside=["0,5"]).total() == 1234
    assert column("1.234", beside=["0.5"]).total() == Decimal("1.234")
    assert column("1.234", beside=["0.5,", "x"]).kind is ColumnKind.TEXT


def test_a_column_left_alone_for_its_marks_is_noted() -> None:
    _, notes = read_columns([RawColumn("amount", ["5", "1,234"])])
    assert notes == ["“Amount” is not summed: 1,234 can mean a thousand or a fraction."]


@pytest.mark.parametrize(
    ("name", "cells", "additive", "printed"),
    [
        ("order_id", [10042, 10043], False, "10042"),
        ("orderNo", ["10042"], False, "10042"),
        ("year", ["2025", "2026"], False, "2025"),
        ("number of orders", ["1200"], True, "1,200"),
        ("unit_price", ["1200.5"], False, "1,200.5"),
        ("wait_p95_ms", [1200.5], False, "1,200.5"),
        ("discount", ["12 %"], False, "12 %"),
        ("rate", ["12"], False, "12"),
        ("identity", ["12"], True, "12"),
        ("month", ["1", "2"], False, "1"),
    ],
)
def test_identifiers_and_rates_are_not_summed(
    name: str, cells: list[Cell], additive: bool, printed: str
) -> None:
    made = column(*cells, name=name)
    assert (made.kind, made.additive, made.texts[0]) == (ColumnKind.NUMBER, additive, printed)


def test_the_request_decides_what_is_summed() -> None:
    columns, _ = read_columns(
        [RawColumn("price", ["1"], total=True), RawColumn("amount", ["1"], total=False)]
    )
    assert [made.additive for made in columns] == [True, False]


@given(st.decimals(-(10**14), 10**14, places=2), st.sampled_from(list(DecimalMark)))
def test_a_printed_number_is_read_as_the_same_number(value: Decimal, mark: DecimalMark) -> None:
    reading = read(Style(mark, 2).print(value))
    assert reading is not None
    assert reading.under(mark) == value


@given(st.lists(st.decimals(-(10**12), 10**12, places=3), min_size=1))
def test_the_total_is_exact(values: list[Decimal]) -> None:
    made = column(*(f"{value:,.3f}" for value in values), "0.5")
    assert made.total() == sum(values) + Decimal("0.5")


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["2026-03-05", None], [date(2026, 3, 5), None]),
        (["2026-03-05T14:00:00.5Z", "2026-03-06 09:30"], [date(2026, 3, 5), date(2026, 3, 6)]),
        (["2026/3/5"], [date(2026, 3, 5)]),
        (["05.03.2026"], [date(2026, 3, 5)]),
        (["04/03/2026", "13/03/2026"], [date(2026, 3, 4), date(2026, 3, 13)]),
        (["03/04/2026", "03/13/2026"], [date(2026, 3, 4), date(2026, 3, 13)]),
        (["2026-03", "2026-04"], [date(2026, 3, 1), date(2026, 4, 1)]),
    ],
)
def test_dates_of_one_form_are_recognised(cells: list[str | None], days: list[date | None]) -> None:
    assert read_dates(cells) == tuple(days)


@pytest.mark.parametrize(
    "cells",
    [
        ["03/04/2026"],  # March or April
        ["13/01/2026", "01/13/2026"],
        ["2026-02-30"],
        ["2026-03-05", "soon"],
        ["13.13.2026"],
        [None],
        [],
    ],
)
def test_doubtful_dates_are_text(cells: list[str | None]) -> None:
    assert read_dates(cells) is None


def test_moments_and_spans_are_printed_for_readers() -> None:
    assert print_moment("2026-03-05T14:07:09.123+00:00") == "2026-03-05 14:07:09 UTC"
    assert print_moment("2026-03-05T14:07+02:00") == "2026-03-05 14:07 +02:00"
    assert print_moment("Tuesday") == "Tuesday"
    assert print_span(date(2026, 1, 2), date(2026, 1, 9)) == "2\u20139 Jan 2026"
    assert print_span(date(2026, 1, 2), date(2026, 3, 9)) == "2 Jan \u2013 9 Mar 2026"
    assert print_span(date(2025, 1, 2), date(2026, 3, 9)) == "2 Jan 2025 \u2013 9 Mar 2026"
    assert print_span(date(2026, 1, 2), date(2026, 1, 2)) == "2 Jan 2026"
