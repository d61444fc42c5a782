"""The lines of pages in docs/how-to do what they say."""

import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.fixtures.local_system import Up
from tests.fixtures.pages import DOCS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGES = [
    "find-and-mend-failed-jobs.md",
    "control-queues-and-workers.md",
    "let-people-and-programs-in.md",
    "submit-over-http.md",
    "make-reports.md",
    "run-something-every-night.md",
    "process-images.md",
    "import-feeds.md",
    "call-a-provider.md",
    "fetch-areas.md",
    "protect-a-provider.md",
    "be-fair-to-customers.md",
    "measure-a-system.md",
]
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"^(CORRAL_[A-Z_]+)=(\S+) ")


def lines(page: str) -> list[str]:
    """What a reader types; but for examples with a system of their own, which `test_limits.py` runs."""
    found = _BLOCK.findall((DOCS / "how-to" / page).read_text(encoding="utf-8"))
    blocks = [block for block in found if not block.startswith("cd examples/")]
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line]


def filled(line: str, system: Up, corral) -> str:
    """The line with an id where it says that one belongs there: of the newest job, a key, a worker."""
    with system.client() as client:
        if "<id>" in line:
            line = line.replace("<id>", client.get("/jobs", limit=1)["items"][0]["id"])
        if "<worker>" in line:
            line = line.replace("<worker>", client.get("/workers")["items"][0]["name"])
    now = datetime.now(UTC)
    line = line.replace("<today>", now.isoformat()).replace(
        "<yesterday>", (now - timedelta(days=1)).isoformat()
    )
    if "<key>" in line:
        [key] = [one for one in corral("keys", "list", "--json").json if one["name"] == "shop"]
        line = line.replace("<key>", key["id"])
    return line


@pytest.mark.parametrize("page", PAGES)
def test_the_lines_of_a_page_are_true(page, system: Up, corral):
    shutil.copytree(DOCS.parent / "examples", system.folder / "examples", dirs_exist_ok=True)
    for line in lines(page):
        if line.endswith("# needs jq"):
            continue
        expected = int(found[1]) if (found := re.search(r"# exit code (\d+)$", line)) else 0
        typed = filled(line.partition("  # ")[0], system, corral)
        if typed.startswith("curl "):
            assert sent(typed, system)
            continue
        settings = {}
        if found := _SETTING.match(typed):
            settings[found[1]], typed = found[2], typed[found.end() :]
        program, *arguments = shlex.split(typed)
        assert program == "corral"
        answer = corral(*arguments, **settings)
        assert answer.code == expected, (line, answer)


def sent(line: str, system: Up) -> str:
    """What curl prints."""
    with system.client() as client:
        connection = client.connection
    variables = {"PATH": os.environ["PATH"], "CORRAL_URL": connection.url, "CORRAL_KEY": connection.key or ""}
    done = subprocess.run(
        ["bash", "-c", line], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (line, done)
    return done.stdout


def test_a_report_is_asked_for_from_python(system: Up, corral, monkeypatch, capfd):
    [code] = _CODE.findall((DOCS / "how-to" / "make-reports.md").read_text(encoding="utf-8"))
    monkeypatch.chdir(system.folder)
    exec(compile(code, "make-reports.md", "exec"), {})
    assert capfd.readouterr().out.strip().endswith(".pdf")


def test_every_page_is_in_the_index():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [
        page.name for page in sorted(Path(DOCS, "how-to").glob("*.md")) if f"how-to/{page.name}" not in index
    ] == []
