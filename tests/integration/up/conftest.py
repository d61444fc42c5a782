"""Systems of `corral up`, each in a folder of its own."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.local_system import Up


@pytest.fixture
def folder() -> Iterator[Path]:
    """A working folder that the servers' account can reach."""
    with tempfile.TemporaryDirectory(prefix="corral-up-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def start(folder: Path) -> Iterator:
    started: list[Up] = []

    def begin(*options: str, usual_port: bool = False, **env: str) -> Up:
        started.append(Up(folder, *options, usual_port=usual_port, **env))
        return started[-1]

    yield begin
    for up in started:
        up.end()
        sys.stdout.write(up.output)  # shown with a failure
