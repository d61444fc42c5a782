"""The table of what other systems call a limit: each row has our line and tests that exist."""

import re
from pathlib import Path

from tests.unit.docs.test_protocol_page import defined_in

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "how-to" / "protect-a-provider.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WORDS = (
    "BullMQ `concurrency`", "WORKER_CONCURRENCY", "limiter: {max, duration}", "WORKER_RATE_LIMIT_MAX", "groupKey",
    "lockDuration", "stalledInterval", "maxStalledCount", "Celery `rate_limit`", "Limiter.concurrent", "Limiter.window",
)  # fmt: skip


def rows() -> list[list[str]]:
    table = PAGE.read_text().split("## What others call it")[1].split("\n\n")[1]
    return [line.strip("|").split(" | ") for line in table.splitlines()[2:]]


def test_every_row_has_our_line_and_a_test_that_measures_it():
    for there, here, measured in rows():
        assert here.count("`") >= 2, there
        found = TEST.findall(measured)
        assert found, there
        for path, name in found:
            assert name in defined_in(path), f"{path} has no {name}"


def test_every_word_of_the_others_stands_there():
    said = " ".join(there for there, _, _ in rows())
    assert [word for word in WORDS if word not in said] == []
