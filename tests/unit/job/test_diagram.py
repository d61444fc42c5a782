"""What the documentation shows of the states is what the code does."""

from pathlib import Path

from corral.cli.reference import states_page
from corral.job.diagram import mermaid
from corral.job.state import TRANSITIONS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "states.md"


def test_the_states_page_is_what_the_table_says():
    assert PAGE.read_text() == states_page()


def test_the_diagram_has_an_arrow_for_every_pair_of_states():
    pairs = {(row.before or "[*]", row.after) for row in TRANSITIONS}
    arrows = [line.split(":")[0].strip() for line in mermaid().splitlines() if "-->" in line]
    assert sorted(arrows) == sorted(f"{before} --> {after}" for before, after in pairs)
