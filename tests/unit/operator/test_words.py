"""Every condition and every cause has its words where people look."""

from pathlib import Path

import pytest

from corral.scaling.decision import Condition
from corral_operator.reports.status import NoticeReason, Trouble
from corral_operator.scale_down.holds import HoldCause

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/operator.md").read_text()
PAGE = (ROOT / "services/publisher/corral_publisher/templates/_pool.html").read_text()
RUNBOOKS = "".join(
    (ROOT / f"docs/runbooks/{name}.md").read_text()
    for name in ("CorralPoolCannotShrink", "CorralPoolCannotGrow")
)


@pytest.mark.parametrize("name", [*Condition, *Trouble])
def test_a_condition_is_in_the_reference_and_has_words_on_the_page(name: str):
    assert f"`{name}`" in REFERENCE
    assert f'"{name}": "' in PAGE


@pytest.mark.parametrize("cause", HoldCause)
def test_a_cause_is_in_the_reference_and_a_runbook_says_what_to_do(cause: HoldCause):
    assert f"`{cause}`" in REFERENCE
    assert f"`{cause}`" in RUNBOOKS


@pytest.mark.parametrize("name", NoticeReason)
def test_a_reason_of_an_event_is_in_the_reference(name: str):
    assert f"`{name}`" in REFERENCE
