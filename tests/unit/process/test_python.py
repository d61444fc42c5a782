"""A Python that Corral can't use is said at once, with what to do."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ((3, 10, 12), "Corral needs Python 3.11 to 3.14; {python} is Python 3.10.12. Name a newer one: make up PYTHON=python3.13"),
        ((3, 15, 0), "tried with Python 3.11 to 3.14; {python} is Python 3.15.0, for which packages may be missing. Name an older one"),
        (None, "there is no {python}: install one, or name it: make up PYTHON=python3.13"),
    ],
)  # fmt: skip
def test_a_python_that_is_missing_too_old_or_too_new_is_told_what_to_do(
    tmp_path: Path, version: tuple[int, ...] | None, said: str
):
    python = tmp_path / "python"
    if version is not None:
        dotted = ".".join(map(str, version))
        lines = [
            "#!/bin/sh",
            f'[ "$1" = -V ] && {{ echo "Python {dotted}"; exit; }}',
            f'exec {sys.executable} -c "import sys; sys.version_info = {version}; $2"',
        ]
        python.write_text("\n".join(lines))
        python.chmod(0o755)
    made = tmp_path / "venv" / ".made"
    done = subprocess.run(
        ["make", "--no-print-directory", str(made), f"PYTHON={python}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said.format(python=python) in done.stderr
    assert not made.exists()
