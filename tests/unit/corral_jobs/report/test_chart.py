"""What is drawn, and on which axis."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corral_jobs.report import InvalidReport, ReportRequest
from corral_jobs.report.page.axis import Axis
from corral_jobs.report.page.chart import Chart, draw, subject_of
from corral_jobs.report.page.period import Period
from corral_jobs.report.table.data import gather
from corral_jobs.report.table.number import Style
from corral_jobs.report.table.summary import Figure, figures_of
from corral_jobs.report.table.table import arrange

SALES: list[dict[str, Any]] = [
    {
        "day": f"2026-{month:02}-01",
        "region": region,
        "units": month,
        "unit_price": 2.5,
        "amount": 100 * month + ord(region),
    }
    for month in range(1, 7)
    for region in "ABC"
]


def drawn(rows: list[dict[str, Any]] = SALES, **request: Any) -> Chart | None:
    made = ReportRequest.model_validate({"title": "T", "rows": rows, **request})
    return draw(subject_of(arrange(gather(made), made), made))


def figures(rows: list[dict[str, Any]], **request: Any) -> tuple[Figure, ...]:
    made = ReportRequest.model_validate({"title": "T", "rows": rows, **request})
    table = arrange(gather(made), made)
    return figures_of(table, subject_of(table, made))


def test_the_amount_by_a_category_is_chosen_and_ranked() -> None:
    chart = drawn()
    assert chart is not None
    assert (chart.shape, chart.title, chart.caption) == (
        "bars",
        "Amount by region",
        "Sum of amount for each region",
    )
    assert [(point.label, point.value) for point in chart.points] == [
        ("C", Decimal(2100 + 6 * 67)),
        ("B", Decimal(2100 + 6 * 66)),
        ("A", Decimal(2100 + 6 * 65)),
    ]


def test_the_request_names_value_category_and_measure() -> None:
    chart = drawn(chart={"value": "unit_price", "by": "day", "measure": "mean"})
    assert chart is not None
    assert (chart.shape, chart.title) == ("columns", "Average unit price by month")
    assert [point.label for point in chart.points] == [
        f"{month} 26" for month in ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
    ]
    assert {point.printed for point in chart.points} == {"2.50"}


def test_a_price_is_averaged_and_rows_are_counted_where_nothing_adds_up() -> None:
    priced = drawn([{"kind": kind, "price": 3} for kind in "aabb"])
    assert priced is not None
    assert priced.title == "Average price by kind"
    counted = drawn([{"kind": kind, "name": f"n{at}"} for at, kind in enumerate("aaab")])
    assert counted is not None
    assert [(counted.title, point.label, point.printed) for point in counted.points] == [
        ("Rows by kind", "a", "3"),
        ("Rows by kind", "b", "1"),
    ]


def test_many_categories_end_in_one_bar_that_keeps_the_sum() -> None:
    rows = [{"name": f"n{at:02}", "amount": at} for at in range(1, 41)]
    chart = drawn(rows, chart={"by": "name"})
    assert chart is not None
    assert len(chart.points) == 12
    assert (chart.points[-1].label, chart.points[-1].muted) == ("Other (29)", True)
    assert sum(point.value for point in chart.points) == sum(range(41))


def test_a_year_of_days_is_drawn_by_month_and_a_season_as_a_line() -> None:
    days = [{"day": str(date(2025, 1, 1) + timedelta(days=at)), "amount": 1} for at in range(365)]
    year, season = drawn(days), drawn(days[:80])
    assert year is not None
    assert season is not None
    assert (year.shape, len(year.points), season.shape, len(season.points)) == ("columns", 12, "line", 80)


def test_figures_of_each_month_are_drawn_by_month_however_few() -> None:
    chart = drawn([{"month": "2026-01", "amount": 5}, {"month": "2026-02", "amount": 6}])
    assert chart is not None
    assert [point.label for point in chart.points] == ["Jan 26", "Feb 26"]


def test_a_period_without_rows_is_drawn_as_zero() -> None:
    chart = drawn([{"day": "2026-01-01", "amount": 5}, {"day": "2026-01-04", "amount": 6}])
    assert chart is not None
    assert [point.value for point in chart.points] == [5, 0, 0, 6]


def test_nothing_is_drawn_where_nothing_can_be_compared() -> None:
    assert drawn([{"a": 1}]) is None
    assert drawn([{"kind": "x", "amount": 1}] * 5) is None
    assert drawn([{"name": f"n{at}", "amount": at} for at in range(100)]) is None


@pytest.mark.parametrize(
    ("chart", "field", "reason"),
    [
        ({"value": "nope"}, "/chart/value", "no column is named 'nope'"),
        ({"value": "region"}, "/chart/value", "'region' holds texts, not numbers"),
        ({"by": "nope"}, "/chart/by", "no column is named 'nope'"),
    ],
)
def test_a_chart_of_what_is_not_there_is_refused(chart: dict[str, str], field: str, reason: str) -> None:
    with pytest.raises(InvalidReport, match=reason) as caught:
        drawn(chart=chart)
    assert caught.value.field == field


@given(st.lists(st.decimals(-(10**12), 10**12, places=3), min_size=1, max_size=20))
def test_every_axis_holds_zero_and_all_values_in_a_few_round_steps(values: list[Decimal]) -> None:
    axis = Axis.spanning(values, Style())
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in [*values, Decimal(0)])
    assert 2 <= len(axis.ticks) <= 8
    assert len({tick.label for tick in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        ("68451.19", ["0", "20k", "40k", "60k", "80k"]),
        ("9", ["0", "2", "4", "6", "8", "10"]),
        ("0.9", ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ("12", ["0.0", "2.5", "5.0", "7.5", "10.0", "12.5"]),
        ("3100000", ["0", "1M", "2M", "3M", "4M"]),
    ],
)
def test_ticks_are_round_and_short(highest: str, labels: list[str]) -> None:
    ticks = Axis.spanning([Decimal(highest)], Style()).ticks
    assert [tick.label.replace("\u202f", "") for tick in ticks] == labels


@given(st.dates(), st.integers(0, 400), st.sampled_from(list(Period)))
def test_each_day_lies_in_one_of_the_periods(first: date, days: int, period: Period) -> None:
    last = first + timedelta(days=min(days, (date.max - first).days))
    starts = list(period.starts(first, last))
    assert starts == sorted(set(starts))
    assert starts[0] == period.start(first)
    assert starts[-1] == period.start(last)


def test_the_figures_at_the_head_add_up() -> None:
    amount, rows, leader, span = figures(SALES)
    total = sum(row["amount"] for row in SALES)
    assert (amount.label, amount.value, amount.remark) == (
        "Total amount",
        f"{total:,}",
        f"{total / 18:.1f} on average",
    )
    assert rows.value == "18"
    assert (leader.label, leader.value, leader.remark) == ("Largest region", "C", "33 % of amount")
    assert (span.value, span.remark) == ("1 Jan \u2013 1 Jun 2026", "152 days")


def test_figures_of_a_rate_are_its_average_and_its_ends() -> None:
    first = figures([{"kind": "a", "price": "1.50"}, {"kind": "b", "price": "4.00"}])[0]
    assert (first.label, first.value, first.remark) == ("Average price", "2.75", "1.50 to 4.00")


def test_no_share_is_named_where_parts_are_negative() -> None:
    leader = figures([{"kind": kind, "amount": amount} for kind, amount in [("a", 5), ("b", -2)]])[2]
    assert (leader.value, leader.remark) == ("a", "5")
