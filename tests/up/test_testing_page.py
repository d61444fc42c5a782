"""The page about testing handlers: its files, as a team would have them, in one run of pytest."""

import subprocess
import sys

from tests.fixtures.pages import named_files


def test_all_examples_pass_together(tmp_path):
    for name, text in named_files("how-to/test-your-own-handlers.md").items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout
