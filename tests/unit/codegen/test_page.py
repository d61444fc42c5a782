"""The page on generated clients, step by step, as a reader follows it."""

import asyncio
import importlib
import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.fixtures.typescript import ROOT, compiled, needs_typescript
from tests.unit.codegen.command import corral

PAGE = (ROOT / "docs" / "how-to" / "generate-typed-clients.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder after the steps 1 to 3."""
    definitions, handler, *_ = blocks("python")
    (tmp_path / "definitions.py").write_text(definitions)
    sys.modules.pop("definitions", None)
    for line in blocks("sh")[0].splitlines():
        program, *words = shlex.split(line)
        if program == "corral":
            code, out = corral(
                *words[1:], folder=tmp_path, monkeypatch=monkeypatch, CORRAL_JOBS="definitions"
            )
            assert code == 0, out
    (tmp_path / "acme_client" / "workers" / "emails" / "email_welcome.py").write_text(handler)
    return tmp_path


def test_the_handler_runs_and_the_check_passes(followed: Path, monkeypatch: pytest.MonkeyPatch):
    _, check = blocks("sh")
    sys.modules.pop("definitions", None)
    code, out = corral(
        *shlex.split(check)[2:], folder=followed, monkeypatch=monkeypatch, CORRAL_JOBS="definitions"
    )
    assert code == 0, out
    monkeypatch.syspath_prepend(str(followed))
    sys.modules.pop("definitions", None)
    importlib.import_module("acme_client.workers.emails")
    definitions = importlib.import_module("definitions")
    sent = asyncio.run(definitions.welcome(definitions.SignUp(to="ada@example.com", name="Ada"), None))
    assert sent.subject == "Welcome, Ada!"
    for name in [one for one in sys.modules if one.partition(".")[0] in ("acme_client", "definitions")]:
        del sys.modules[name]


def test_every_python_of_the_page_is_python():
    for block in blocks("python"):
        compile(block, "page", "exec")


@needs_typescript
def test_the_calls_from_typescript_are_right(followed: Path, tmp_path: Path):
    (followed / "web").rename(tmp_path / "src")
    (tmp_path / "src" / "page.ts").write_text(blocks("typescript")[0])
    assert compiled(tmp_path) == ""
