"""The short tutorials: their lines are run as they stand there, and end with what they say."""

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.local_system import Up, own_port
from tests.fixtures.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"
MAILING = ("mail-a-report.md", "send-a-mail.md")
FEED = "follow-a-feed.md"
MOST = 12
"""Commands of one tutorial."""


def commands(page: str) -> list[str]:
    text = (TUTORIALS / page).read_text(encoding="utf-8")
    return "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).splitlines()


def typed(up: Up, lines: list[str]) -> str:
    """What one shell prints for these lines."""
    script = "\n".join(lines).replace(".venv/bin/corral", f"{sys.executable} -m corral.cli")
    done = subprocess.run(
        ["sh", "-ec", script], cwd=up.folder, env=dict(os.environ), capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def pages() -> dict[str, list[str]]:
    return {page.name: commands(page.name) for page in sorted(TUTORIALS.glob("*.md"))}


def test_each_has_few_commands_and_a_picture_at_its_end(pages: dict[str, list[str]]):
    for page, lines in pages.items():
        assert 0 < len(lines) <= MOST, page
        assert lines[0].endswith("make up"), page
        if page not in MAILING:
            continue
        pictures = re.findall(r"!\[.+?\]\((.+?)\)", (TUTORIALS / page).read_text(encoding="utf-8"))
        assert pictures, page
        assert all((TUTORIALS / one).is_file() for one in pictures), page


@pytest.mark.more
def test_their_lines_do_what_they_say(start: Any, pages: dict[str, list[str]]):
    up = start("--workers", "1").ready()
    for page in MAILING:
        typed(up, [line for line in pages[page] if not line.startswith("make ")])
    with up.client() as client:

        def arrived() -> bool:
            mails = list(client.pages("/jobs", type="email.send", state="completed"))
            reports = client.get("/reports")["items"]
            return len(mails) == 3 and [one["email_status"] for one in reports] == ["sent"]

        eventually(arrived, timeout=90)
        (report,) = client.get("/reports")["items"]
    assert (report["title"], report["formats"]) == ("Orders", ["pdf", "csv", "xlsx"])
    assert up.stop() == 0


@pytest.mark.more
def test_a_feed_is_followed_as_it_is_told(start: Any, pages: dict[str, list[str]]):
    port = own_port()
    lines = [line.replace("8098", str(port)) for line in pages[FEED][1:]]
    serving = next(line for line in lines if "http.server" in line)
    up = start("--workers", "1", CORRAL_OUTGOING_ALLOW="127.0.0.1/32").ready()
    at = lines.index(serving)
    typed(up, lines[:at])
    with subprocess.Popen(
        shlex.split(serving), cwd=up.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        try:
            eventually(lambda: listens(port))
            said = typed(up, lines[at + 1 :])
        finally:
            server.terminate()
    assert re.search(r"Harbour news +good +2 ", said), said
    assert re.search(r"finished +1 of 1 +1 +1 +1 +0 +0 ", said), said
    assert said.count("The ferry is very late") == said.count("The ferry has come") == 1
    assert "is paused" in said
    exported = (up.folder / "feeds.opml").read_text(encoding="utf-8")
    assert 'title="Harbour news"' in exported
    assert up.stop() == 0
