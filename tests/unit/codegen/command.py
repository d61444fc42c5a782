"""`corral generate`, run within the tests."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from corral.cli.main import app


def corral(*arguments: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **env: str) -> tuple[int, str]:
    monkeypatch.chdir(folder)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    path = list(sys.path)
    try:
        done = CliRunner().invoke(app, ["codegen", *arguments])
    finally:
        sys.path[:] = path
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output
