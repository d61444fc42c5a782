"""`make check` refuses unused code, and dependencies that are unused or undeclared, in every package."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
PACKAGES = ("shared", "publisher", "worker", "operator")


def run(*command: object, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_command_looks_for_unused_code_and_at_each_packages_dependencies():
    code, said = run("make", "-n", "check", "-o", ".venv/.installed-development")
    assert code == 0
    assert "vulture" in said
    for package in PACKAGES:
        assert f"services/{package}" in said.partition("deptry")[0]


def test_unused_code_is_refused(tmp_path: Path):
    (tmp_path / "module.py").write_text("def wanted(): ...\ndef forgotten(): ...\nwanted()\n")
    code, said = run(BIN / "vulture", "--config", ROOT / "pyproject.toml", tmp_path)
    assert code != 0
    assert "forgotten" in said
    assert "wanted'" not in said


@pytest.mark.parametrize("wrong", ["import pypdf", '"pypdf", # added'])
def test_a_dependency_that_is_undeclared_or_unused_is_refused(tmp_path: Path, wrong: str):
    described = (ROOT / "services/worker/pyproject.toml").read_text()
    code = "import orjson, prometheus_client, pydantic, pydantic_core, structlog, uvloop, corral, opentelemetry.sdk.trace, opentelemetry.trace\n"
    if wrong.startswith('"'):
        described = described.replace("dependencies = [", f"dependencies = [\n  {wrong}", 1)
    else:
        code += wrong + "\n"
    (tmp_path / "pyproject.toml").write_text(described)
    (tmp_path / "module.py").write_text(code)
    status, said = run(BIN / "deptry", ".", "--no-ansi", cwd=tmp_path)
    assert status != 0
    assert "pypdf" in said
    assert said.count("DEP00") == 1, said
