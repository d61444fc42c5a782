"""The job types in README and tutorial are declared as they are written there."""

import re
import sys
from pathlib import Path

import pytest

from corral.catalog import Catalog

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_the_code_of_a_page_declares_and_handles_its_type(page, tmp_path, monkeypatch):
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    (tmp_path / "acme.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "acme", raising=False)
    catalog = Catalog.load(["acme"]).handled()
    monkeypatch.delitem(sys.modules, "acme")
    assert [one.name for one in catalog] == ["acme.greet"]
    assert catalog.queues() == {"greetings"}
