"""What counts as changed code."""

import asyncio
import itertools
from pathlib import Path

import pytest
from tests.fixtures.waiting import eventually_async

from corral_local.processes.code_watch import CodeWatch


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "elsewhere"
    (folder / "acme_package" / "inner").mkdir(parents=True)
    (folder / "acme_package" / "__init__.py").touch()
    (folder / "acme_single.py").touch()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.mark.parametrize(
    "changed",
    [
        "project/here.py",
        "project/inside/there.py",
        "elsewhere/acme_single.py",
        "elsewhere/acme_package/inner/deep.py",
    ],
)
async def test_code_of_the_folder_and_of_what_the_team_names_counts(
    tmp_path: Path, elsewhere: Path, changed: str
):
    project = tmp_path / "project"
    (project / "inside").mkdir(parents=True)
    changes = CodeWatch(project, ["corral", "acme_package", "acme_single", "acme_absent"])
    watching = asyncio.create_task(changes.run())
    noticed, numbers = asyncio.create_task(changes.next()), itertools.count()

    def edit() -> bool:  # again and again: the watch may not have begun yet
        (tmp_path / changed).write_text(f"NUMBER = {next(numbers)}\n")
        return noticed.done()

    try:
        await eventually_async(edit, interval=0.1)
        assert tmp_path / changed in await noticed
    finally:
        noticed.cancel()
        watching.cancel()
        await asyncio.gather(noticed, watching, return_exceptions=True)
