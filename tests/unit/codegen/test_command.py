"""`corral generate`: what it writes, checks and says."""

import sys
from pathlib import Path

import pytest
from tests.unit.codegen.command import corral

from corral.catalog import Catalog
from corral.cli.terminal.exit_codes import ExitCode

JOBS = """
from pydantic import BaseModel
from corral.catalog import job_type

class Welcome(BaseModel):
    to: str
{more}
welcome = job_type("mail.welcome", payload=Welcome, queue="mail")
plain = job_type("plain.{plain}", queue="plain", executor="thread")
"""


def write_jobs(folder: Path, name: str, more: str = "", plain: str = "clean") -> None:
    (folder / f"{name}.py").write_text(JOBS.format(more=more, plain=plain))
    sys.modules.pop(name, None)


def test_the_command_generates_checks_and_tells_what_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_jobs(tmp_path, "acme_jobs_a")
    arguments = ["python", "--out", "client", "--types", "mail.*"]
    told = corral(*arguments, folder=tmp_path, monkeypatch=monkeypatch, CORRAL_JOBS="acme_jobs_a")
    assert told[0] == 0, told
    assert corral(*arguments, "--check", folder=tmp_path, monkeypatch=monkeypatch)[0] == 0
    write_jobs(tmp_path, "acme_jobs_a", more="    cc: str = ''")
    code, out = corral(*arguments, "--check", folder=tmp_path, monkeypatch=monkeypatch)
    assert code == ExitCode.STALE, out
    assert "stale: client/models.py" in out
    assert "mail.welcome payload/cc: it is new" in out
    assert "Deploy workers before producers" in out
    write_jobs(tmp_path, "acme_jobs_a", more="    cc: str")
    code, out = corral(*arguments, "--check", folder=tmp_path, monkeypatch=monkeypatch)
    assert code == ExitCode.BREAKING, out
    assert "breaking: mail.welcome payload/cc: required: it is new and may not be left out" in out


def test_handlers_are_written_once_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_jobs(tmp_path, "acme_jobs_b")
    arguments = ["python", "--out", "client_b", "--types", "mail.*", "--types", "plain.*", "--workers"]
    assert corral(*arguments, folder=tmp_path, monkeypatch=monkeypatch, CORRAL_JOBS="acme_jobs_b")[0] == 0
    handler = tmp_path / "client_b" / "workers" / "mail" / "mail_welcome.py"
    mine = handler.read_text().replace("raise NotImplementedError", "print(payload.to)\n    raise ValueError")
    handler.write_text(mine)
    assert corral(*arguments, folder=tmp_path, monkeypatch=monkeypatch)[0] == 0
    assert handler.read_text() == mine
    assert (
        "def handle_plain_clean(ctx: SyncContext) -> None:"
        in (tmp_path / "client_b" / "workers" / "plain" / "plain_clean.py").read_text()
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("acme_jobs_b", None)
    loaded = Catalog.load(["client_b.workers"])
    assert set(loaded.handled().types) == {"mail.welcome", "plain.clean"}
    for name in [one for one in sys.modules if one.startswith(("client_b", "acme_jobs_b"))]:
        del sys.modules[name]
