"""The lines that `make bench` ends with, and the tables of its page."""

import math

import pytest
from bench.goal import Goal
from bench.page import Results, grid, markdown
from bench.section import Section, Table


@pytest.mark.parametrize(
    ("value", "comparison", "bound", "line"),
    [
        (3.2, ">=", 3, "GOAL speed 3.2 >= 3 met"),
        (2.999, ">=", 3, "GOAL speed 2.999 >= 3 missed"),
        (20.0, "<", 20, "GOAL speed 20 < 20 missed"),
        (20.0, "<=", 20, "GOAL speed 20 <= 20 met"),
        (12345.6, ">=", 10_000, "GOAL speed 12346 >= 10000 met"),
    ],
)
def test_a_goal_is_one_line_with_its_verdict(value, comparison, bound, line):
    assert Goal("speed", value, comparison, bound).line() == line


def test_a_goal_without_a_measurement_is_missed():
    assert not Goal("speed", math.nan, ">=", 3).met
    assert not Goal("speed", math.nan, "<=", 3).met


def test_a_table_has_a_row_for_each_row_and_aligns_numbers_right():
    lines = grid(Table(("System", "jobs/s"), (("A", "1,234"), ("Long name", "5")))).splitlines()
    assert lines == [
        "| System    | jobs/s |",
        "| --------- | -----: |",
        "| A         |  1,234 |",
        "| Long name |      5 |",
    ]


def test_the_page_shows_every_goal_of_results_that_were_saved(tmp_path):
    section = Section(
        "Idle", "Text.", (Table(("a", "b"), (("c", "1"),)),), (Goal("calm", 1.5, "<=", 2, "%"),)
    )
    Results("2026-01-02", quick=True, machine={"Processor": "one"}, sections={"one": section}).save(
        tmp_path / "r.json"
    )
    loaded = Results.load(tmp_path / "r.json")
    assert loaded.sections == {"one": section}
    page = markdown(loaded)
    assert "| `calm` | 1.5 % | <= 2 % | met |".replace(" ", "") in page.replace(" ", "")
    assert "quick run" in page
