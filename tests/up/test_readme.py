"""The lines of README.md under "A first job", "Scaling visible" and "Your own jobs", run as they stand there."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from tests.fixtures.local_system import Up
from tests.fixtures.waiting import START, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()


def block(title: str, language: str) -> str:
    """The first block of code under a heading."""
    section = TEXT.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def typed(up: Up, line: str) -> str:
    """What a line prints."""
    program, *arguments = shlex.split(line)
    assert program == "corral"
    done = up.corral(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readmes_lines_do_what_it_says(start, folder: Path):
    code = folder / "acme.py"
    code.write_text(block("Your own jobs", "python"))
    shutil.copytree(ROOT / "examples", folder / "examples")
    begin, greet = block("Your own jobs", "sh").splitlines()
    setting, program, command, *options = begin.split()
    assert (program, command) == ("corral", "up")
    name, _, value = setting.partition("=")
    up = start(*options, **{name: value}).ready()
    _, submit, listed, download = block("A first job", "sh").splitlines()
    typed(up, submit)
    with up.client() as client:
        (job,) = client.pages("/jobs", type="report.generate")
    assert job["state"] == "completed"
    assert job["id"] in typed(up, listed)
    typed(up, download.replace("<id>", job["id"]))
    (report,) = folder.glob("*.pdf")
    assert report.read_bytes().startswith(b"%PDF")
    assert "hello Ada" in typed(up, greet)
    code.write_text(code.read_text().replace("hello", "good morning"))
    eventually(lambda: "good morning Ada" in typed(up, greet), timeout=START)
    typed(up, block("Scaling visible", "sh").strip())
    up.wait_for("workers 1 → ", 60)
    assert up.stop() == 0
