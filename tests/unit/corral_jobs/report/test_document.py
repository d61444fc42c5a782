"""The PDF itself, read back: nothing missing, the same every time, and it says what it is."""

import csv
import hashlib
import io
import json
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.unit.corral_jobs.report.conftest import NOW, Made, Make, squeezed

from corral_jobs.report import InvalidReport, ReportRequest
from corral_jobs.report.document import render

EXAMPLE = Path(__file__).parents[4] / "examples" / "regional-orders.csv"
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


@pytest.mark.usefixtures("kept_for_life")
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
    assert (told[0][0], told[-1]) == (10, (100, "render: 1 page"))

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
import corral_jobs.report as report
request = report.ReportRequest(title="T", csv="a,b\\n1,2\\n")
report.Report.model_json_schema()
from corral_jobs.report import handlers
from corral_jobs.report.page import chart
from corral_jobs.report.table import data, summary, table
from corral_testing.context import sync_context
print(json.dumps([column.label for column in table.arrange(data.gather(request), request).columns]))
try:
    handlers.do_generate(request, sync_context(report.generate)[0])
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    labels, missing = done.stdout.splitlines()
    assert json.loads(labels) == ["A", "B"]
    assert missing == "typst"


def test_a_report_declares_pdf_ua_and_one_that_lacks_a_glyph_does_not(make: Make):
    assert b"<pdfuaid:part>1</pdfuaid:part>" in make(rows=[{"a": 1}]).pdf
    boxes = make(rows=[{"a": "\U00012000"}])
    assert b"pdfuaid" not in boxes.pdf
    assert b"/MarkInfo" in boxes.pdf, "tagged all the same"
