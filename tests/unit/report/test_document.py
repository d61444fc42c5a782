"""The PDF itself, read back: nothing missing, nothing interpreted, nothing cut off."""

import csv
import hashlib
import io
import json
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from tests.unit.report.conftest import NOW, Made, squeezed

from corral.catalog.builtin.report import InvalidReport, ReportRequest, render

Make = Callable[..., Made]
EXAMPLE = Path(__file__).parents[3] / "examples" / "regional-orders.csv"
A4 = (595.28, 841.89)


@pytest.fixture(scope="module")
def orders(make: Make) -> Made:
    return make(
        title="Regional orders",
        customer="Alder & Finch",
        csv=EXAMPLE.read_text("utf-8"),
        subtitle="To September",
    )


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    with EXAMPLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_example_has_every_row_in_order(orders: Made, records: list[dict[str, str]]) -> None:
    text = squeezed(orders.text)
    place = 0
    for record in records:
        place = text.find(squeezed(record["Order no"]), place + 1)
        assert place > 0, record["Order no"]
    for record in records:
        assert squeezed(record["Customer"]) in text
        assert f"{Decimal(record['Amount']):,}" in text
    assert (orders.report.rows, len(records)) == (500, 500)


def test_the_totals_are_those_of_the_data(orders: Made, records: list[dict[str, str]]) -> None:
    amount = sum(Decimal(record["Amount"]) for record in records)
    quantity = sum(int(record["Quantity"]) for record in records)
    assert orders.pages[-1].count("Total") == 1
    assert f"Total{quantity:,}{amount:,}" in squeezed(orders.pages[-1])
    assert f"{amount:,}" in orders.pages[0]


def test_the_heading_of_the_table_and_the_page_number_stand_on_every_page(orders: Made) -> None:
    assert len(orders.pages) > 5
    for number, page in enumerate(orders.pages, 1):
        assert f"{number} / {len(orders.pages)}" in page
        for label in ("Order no", "Order date", "Customer", "Sales rep", "Unit price", "Amount"):
            assert page.count(label) >= 1, (number, label)


def test_the_report_describes_its_document(orders: Made) -> None:
    report = orders.report
    assert report.name == "regional-orders-2026-03-05.pdf"
    assert report.media_type == "application/pdf"
    assert report.pages == len(orders.reader.pages)
    assert report.size_bytes == len(orders.pdf)
    assert report.sha256 == hashlib.sha256(orders.pdf).hexdigest()


def test_the_head_says_what_for_whom_and_when(orders: Made) -> None:
    for said in (
        "Regional orders",
        "Alder & Finch",
        "To September",
        "5 March 2026, 14:07 UTC",
        "Amount by region",
    ):
        assert orders.says(said), said
    information = orders.reader.metadata
    assert information is not None
    assert information.title == "Regional orders"
    assert information.creation_date == NOW


def test_a_wide_table_turns_the_page_and_a_narrow_one_does_not(make: Make, orders: Made) -> None:
    narrow = make(rows=[{"name": "a", "amount": 1}])
    assert [round(float(side), 2) for side in narrow.reader.pages[0].mediabox[2:]] == list(A4)
    assert [round(float(side), 2) for side in orders.reader.pages[0].mediabox[2:]] == list(reversed(A4))


def test_the_same_input_makes_the_same_bytes_also_in_another_process() -> None:
    request = ReportRequest(title="Same", rows=[{"name": "a", "amount": 1.5}, {"name": "b", "amount": 2}])
    here = render(request, progress=print, now=NOW)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(render, request, progress=print, now=NOW).result()
    assert here.pdf == there.pdf
    assert here.report.sha256 == there.report.sha256
    assert render(request, progress=print, now=NOW + timedelta(days=1)).pdf != here.pdf


def test_progress_names_the_phases_and_may_end_the_rendering() -> None:
    request = ReportRequest(title="T", rows=[{"a": 1}])
    told: list[tuple[int, str]] = []
    render(request, progress=lambda percent, message: told.append((percent, message)), now=NOW)
    assert [message.split(":")[0] for _, message in told] == ["fetch", "process", "render", "render"]
    assert [percent for percent, _ in told] == sorted(percent for percent, _ in told)
    assert (told[0][0], told[-1]) == (0, (100, "render: 1 page"))

    class Cancelled(Exception):
        pass

    for phase in ("fetch", "process", "render"):

        def stop(_: int, message: str, phase: str = phase) -> None:
            if message.startswith(phase):
                raise Cancelled

        with pytest.raises(Cancelled):
            render(request, progress=stop, now=NOW)


def test_the_time_is_printed_in_its_own_zone_and_never_without_one() -> None:
    request = ReportRequest(title="T", rows=[{"a": 1}])
    with pytest.raises(ValueError, match="time zone"):
        render(request, progress=lambda *_: None, now=datetime(2026, 3, 5))  # noqa: DTZ001
    zone = timezone(timedelta(hours=5, minutes=30))
    done = render(request, progress=lambda *_: None, now=NOW.astimezone(zone))
    reader = PdfReader(io.BytesIO(done.pdf))
    assert "5 March 2026, 19:37 UTC+0530" in reader.pages[0].extract_text()
    assert reader.metadata is not None
    assert reader.metadata.creation_date == NOW


def test_bad_data_end_it_before_anything_is_typeset(make: Make) -> None:
    with pytest.raises(InvalidReport, match="/csv: line 3 has 1 cell"):
        make(csv="a,b\n1,2\n3\n")
    with pytest.raises(InvalidReport, match="/chart/value"):
        make(csv="a,b\n1,2\n", chart={"value": "z"})


HOSTILE = [
    '#import "@preview/x:0.1.0": *',
    '#read("/etc/passwd")',
    "$ sum_(i=0) $",
    "]] #[",
    "\\u{41} \\ \\n",
    "<label> </script>",
    "*bold* _it_ `raw` @ref",
    "// c /* d */",
    "-- --- ... ~",
    "'q' \"q\"",
    "= Heading",
    "- item",
    "{{ x }} %s ${y}",
]


def test_hostile_text_is_printed_as_it_is(make: Make) -> None:
    made = make(
        title=" ".join(HOSTILE[:3]),
        subtitle="#panic()",
        customer="#[c]",
        rows=[{"text": text, "#let x = 1": "]", "amount": at} for at, text in enumerate(HOSTILE)],
    )
    for text in [*HOSTILE, "#let x = 1", "#panic()", "#[c]"]:
        assert made.says(text), text
    assert made.reader.metadata is not None
    assert made.reader.metadata.title == " ".join(HOSTILE[:3])


def test_control_characters_are_shown_and_cannot_act(make: Make) -> None:
    made = make(rows=[{"a": "x\x00\x1b[31m\u202ey", "b": "one\r\n\r\ntwo\tthree"}])
    assert made.says("x\\x00\\x1b[31m\\u202ey")
    assert made.says("one two three")


def test_scripts_of_europe_are_printed_and_missing_glyphs_are_named(make: Make) -> None:
    made = make(rows=[{"a": "naïve żółć Ελληνικά Привет ₣ €"}])
    assert made.says("naïve żółć Ελληνικά Привет ₣ €")
    assert not made.says("Shown as boxes")
    assert make(rows=[{"a": "漢字 😀"}]).says(
        "Shown as boxes, as no typeface at hand has them: U+5B57, U+6F22, U+1F600."
    )


printable = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"], max_codepoint=0x24F),
    min_size=1,
    max_size=16,
).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(printable, printable, st.integers(-(10**12), 10**12)), min_size=1, max_size=30))
def test_any_row_can_be_read_in_the_document(make: Make, rows: list[tuple[str, str, int]]) -> None:
    made = make(
        rows=[{"first": first, "second": "x" + second, "amount": number} for first, second, number in rows]
    )
    for first, second, number in rows:
        if not any(character.isdigit() for character in first):  # such a column may be one of numbers
            assert made.says(first)
        assert made.says("x" + second)
        assert made.says(f"{number:,}".replace("-", "\u2212"))
    if len(rows) > 1:
        assert made.says(f"{sum(number for *_, number in rows):,}".replace("-", "\u2212"))


cells = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=60)
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(min_size=1, max_size=20), cells, min_size=1, max_size=6),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_any_data_make_a_document(make: Make, rows: list[dict[str, Any]], grouped: bool) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    request = {"group_by": names[0]} if grouped and len(names) > 1 else {}
    made = make(rows=rows, **request)
    assert made.report.pages == len(made.reader.pages)
    assert made.report.rows == len(rows)


def test_twenty_columns_stay_whole(make: Make) -> None:
    rows = [{f"measure {at}": f"{at * 137.77 + row + 0.25:,.2f}" for at in range(20)} for row in range(80)]
    made = make(rows=rows)
    words = set(made.text.split())
    for row in rows:
        for value in row.values():
            assert value in words  # on one line, not broken over two


def test_long_texts_wrap_within_their_column(make: Make) -> None:
    prose = "The quick brown fog jumps over the lazy dog and comes back. " * 20
    made = make(
        rows=[{"prose": prose, "word": "x" * 700, "amount": 1}, {"prose": "short", "word": "w", "amount": 2}],
        chart=False,
    )
    runs = [len(run) for run in re.findall("x+", made.text)]
    assert sum(runs) >= 700
    assert max(runs) < 60
    assert made.text.count("quick brown fog") < 20  # broken over lines here and there
    assert squeezed(made.text).count("fog") == 20


def test_a_row_taller_than_a_page_goes_on_the_next(make: Make) -> None:
    lines = "\n".join(f"line {number}" for number in range(150))
    made = make(rows=[{"notes": lines, "amount": 1}, {"notes": "after", "amount": 2}])
    assert made.report.pages > 1
    for number in range(150):
        assert made.says(f"line {number}")
    assert made.says("after")


def test_groups_have_a_heading_and_a_subtotal(make: Make) -> None:
    made = make(csv="team,who,hours\nred,ann,3\nblue,bob,4.5\nred,cy,2\n", group_by="team", chart=False)
    text = squeezed(made.text)
    assert text.index("blue1row") < text.index("bob4.5") < text.index("red2rows") < text.index("ann3.0")
    assert "Subtotal5.0" in text
    assert "Total9.5" in text


def test_a_queue_without_history_makes_a_report_that_says_so(make: Make) -> None:
    made = make([], source="queue-statistics", chart={"value": "completed"}, group_by="queue")
    assert made.says("There is nothing to report yet.")
    assert (made.report.rows, made.report.pages) == (0, 1)


def test_statistics_are_printed_with_their_totals(make: Make) -> None:
    made = make(
        [
            {"queue": "mail", "completed": 1200, "failed": 3, "wait_p95_ms": 12.5},
            {"queue": "reports", "completed": 40, "failed": 0, "wait_p95_ms": 80.25},
        ],
        source="queue-statistics",
    )
    assert made.says("Completed by queue")
    assert made.says("Total 1,240 3")
    assert made.says("80.25")


def test_thousands_of_rows_are_numbered_through(make: Make) -> None:
    made = make(rows=[{"name": f"row {number}", "amount": number} for number in range(12_000)])
    count = len(made.reader.pages)
    assert made.report.pages == count > 150
    page = ""
    for number in (2, count // 2, count):
        page = made.reader.pages[number - 1].extract_text()
        assert f"{number} / {count}" in page
        assert page.count("Amount") == 1
    assert f"Total{sum(range(12_000)):,}" in squeezed(page)


def test_all_but_the_document_works_without_a_typesetter() -> None:
    program = """
import json, sys
sys.modules["typst"] = None  # importing it fails
import corral.catalog.builtin.report as report
request = report.ReportRequest(title="T", csv="a,b\\n1,2\\n")
report.Report.model_json_schema()
from corral.catalog.builtin.report import chart, data, summary, table
print(json.dumps([column.label for column in table.arrange(data.gather(request), request).columns]))
try:
    report.render(request, progress=print, now=None)
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    labels, missing = done.stdout.splitlines()
    assert json.loads(labels) == ["A", "B"]
    assert missing == "typst"
