"""A module is one noun, at most 300 lines: whoever opens it sees it whole."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
MOST = 300
"""Lines. A longer module is split by what a reader would look for by its name, or loses what is superfluous."""
GENERATED = "examples/typed_definitions/typed_client/"
"""Files that `corral generate` writes."""


def modules() -> list[Path]:
    """Every module that git tracks, and every new one that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in sorted(listed) if (ROOT / name).is_file()]


def test_no_module_has_more_than_300_lines():
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in modules()
        if not str(path.relative_to(ROOT)).startswith(GENERATED)
    }
    assert len(lines) > 1000, "the modules were found"
    assert {name: count for name, count in lines.items() if count > MOST} == {}
