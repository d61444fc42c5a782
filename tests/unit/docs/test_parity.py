"""docs/reference/parity.md has a row for each promise, and each row that is shown names tests and files that exist."""

from pathlib import Path

import pytest

from corral.parity import PAGE, PROMISES, main, problems, read

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / PAGE).read_text()


def test_every_promise_has_a_row_and_every_row_is_founded(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["--check"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.startswith(f"{sum(PROMISES.values())} promises, ")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("| 000-05 |", "| 000-99 |", ["000-05: no row", "000-99: no system made this promise"]),
        ("| 000-05 |", "| 000-04 |", ["000-04: 2 rows", "000-05: no row"]),
        ("::test_a_delayed_job_is_scheduled`", "::test_nothing`", ["000-49: there is no test"]),
        ("docs/how-to/use-rq-tools.md", "docs/how-to/none.md", ["G-02: there is no docs/how-to/none.md"]),
    ],
)
def test_a_row_that_is_missing_or_unfounded_is_told(before: str, after: str, said: list[str]):
    assert before in TEXT
    found = "\n".join(problems(read(TEXT.replace(before, after)), ROOT))
    for line in said:
        assert line in found


def test_a_row_that_names_neither_a_test_nor_an_issue_is_told():
    rows = read("| 000-01 | a promise | here | soon |")
    assert "000-01: names neither a test nor a later issue" in list(problems(rows, ROOT))
