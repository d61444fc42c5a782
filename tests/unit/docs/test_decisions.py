"""The records of decisions have one form."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "docs" / "adr"
RECORDS = sorted(FOLDER.glob("*.md"))
PARTS = ["Context", "Decision", "Consequences", "What else was weighed"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_number_status_and_the_four_parts(record: Path):
    title, _, status, *rest = record.read_text().splitlines()
    assert re.match(rf"# {int(record.name[:4])}\. [A-Z]", title)
    assert status == "Status: accepted"
    assert [line[3:] for line in rest if line.startswith("## ")] == PARTS


def test_numbers_follow_each_other():
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))
