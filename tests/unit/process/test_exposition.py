"""The text of the metrics of several processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from corral.process.exposition import FOLDER, exposition

COUNTS = """
from prometheus_client import Counter
Counter("tests_seen", "Seen.").inc({count})
"""


def test_processes_are_added_up_though_one_has_only_just_made_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    for count in (2, 3):
        subprocess.run([sys.executable, "-c", COUNTS.format(count=count)], check=True, timeout=60)
    (tmp_path / "counter_1.db").touch()
    assert b"tests_seen_total 5.0" in exposition()
