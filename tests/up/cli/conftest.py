"""One running system, and the command line in this process."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.fixtures.local_system import Up

from corral.cli.main import main

LIMITS = Path(__file__).resolve().parents[3] / "examples/limits"
BURSTS = """
import asyncio
from corral.catalog import Limit, Rate, job
from corral.errors import RateLimited

provider = [Limit("provider", each=2, total=25, by="customer"), Rate("provider-day", 1000, per=86400)]

@job(name="acme.burst")
async def burst() -> None:
    await asyncio.sleep(3)

busy = Limit("busy", total=5)

@job(name="acme.told", limits=[busy])
async def told() -> None:
    raise RateLimited("429 Too Many Requests", after=600)
"""


@pytest.fixture(scope="package")
def system() -> Iterator[Up]:
    """One running system for all commands."""
    with tempfile.TemporaryDirectory(prefix="corral-cli-") as name:
        Path(name).chmod(0o755)
        (Path(name) / "bursts.py").write_text(BURSTS)
        for example in LIMITS.glob("*.py"):
            shutil.copy(example, name)
        up = Up(
            Path(name),
            "--workers",
            "1",
            CORRAL_HANDLERS="bursts,ask_handlers,sync_handlers",
            CORRAL_OUTGOING_ALLOW="127.0.0.7/32",
        )
        try:
            yield up.ready()
            assert up.stop() == 0
        finally:
            up.end()


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self):
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def corral(system: Up, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Run a command in this process: the same code as the script's, without another second of imports."""
    monkeypatch.chdir(system.folder)
    for name in [name for name in os.environ if name.startswith("CORRAL_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, **env: str) -> Answer:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["corral", *arguments])
            for name, value in env.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as end:
                main()
        assert isinstance(end.value.code, int)
        return Answer(end.value.code, *capfd.readouterr())

    return run
