"""Type checkers accept right lines of a program and refuse wrong ones, in both languages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fixtures.typescript import NODE, compiled, needs_typescript, node
from tests.unit.codegen.everything import whole_catalog

from corral.codegen import generate

HERE = Path(__file__).parent
LEAST = 30
"""Lines of each kind in each language."""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    generate("python", whole_catalog(), folder / "acme")
    for name in ("accepted", "refused"):
        (folder / f"{name}.py").write_text((HERE / f"{name}.py.txt").read_text())
    return folder


def marked(text: str) -> set[int]:
    return {number for number, line in enumerate(text.splitlines(), 1) if line.rstrip().endswith("# refused")}


def statements(text: str, start: str) -> int:
    return sum(line.startswith(start) for line in text.splitlines())


def test_mypy_accepts_and_refuses(python: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--cache-dir",
            ".mypy",
            "acme",
            "accepted.py",
            "refused.py",
        ],
        cwd=python,
        capture_output=True,
        text=True,
        check=False,
    )
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    told = {int(line.split(":")[1]) for line in errors if line.startswith("refused.py:")}
    assert [line for line in errors if not line.startswith("refused.py:")] == [], done.stdout + done.stderr
    text = (python / "refused.py").read_text()
    assert told == marked(text), done.stdout
    assert len(marked(text)) >= LEAST
    assert statements((python / "accepted.py").read_text(), "    c.") >= LEAST


def test_pyright_accepts_and_refuses(python: Path):
    (python / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "pythonVersion": "3.11", "include": ["acme", "*.py"]})
    )
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "-p", ".", "--pythonpath", sys.executable, "--outputjson"],
        cwd=python,
        capture_output=True,
        text=True,
        check=False,
    )
    told = json.loads(done.stdout)["generalDiagnostics"]
    elsewhere = [one for one in told if not one["file"].endswith("refused.py")]
    assert elsewhere == []
    refused = {one["range"]["start"]["line"] + 1 for one in told}
    assert refused == marked((python / "refused.py").read_text())


@needs_typescript
def test_the_compiler_of_typescript_accepts_and_refuses(tmp_path: Path):
    generate("typescript", whole_catalog(), tmp_path / "src" / "acme")
    accepted, refused = (HERE / "accepted.ts.txt").read_text(), (HERE / "refused.ts.txt").read_text()
    (tmp_path / "src" / "accepted.ts").write_text(accepted)
    (tmp_path / "src" / "refused.ts").write_text(refused)
    assert compiled(tmp_path) == ""  # a line marked as wrong that is right would be told
    assert refused.count("// @ts-expect-error") >= LEAST
    assert statements(accepted, "  void c.") >= LEAST
    assert NODE.is_file()
    assert node(
        "-e", "import('./out/acme/index.js').then((one) => console.log(typeof one.Client))", folder=tmp_path
    ) == ("function\n")
