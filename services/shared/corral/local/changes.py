"""Changed code: which files count, and one signal for each burst of changes."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from watchfiles import Change, PythonFilter, awatch

QUIET_MS = 200
"""A burst of changes (a save of many files, a branch switch) ends when nothing changed for so long."""
IGNORED = (*PythonFilter.ignore_dirs, ".corral", ".ruff_cache", ".import_linter_cache", "dist", "build")


class Changes:
    """Watches the Python files of a folder and of packages outside of it."""

    def __init__(self, folder: Path, packages: Iterable[str]) -> None:
        self._folder = folder.resolve()
        self._packages = [path for name in packages if (path := _source(name, self._folder)) is not None]
        self._changed: set[Path] = set()
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        inside = [path for path in self._folder.iterdir() if path.is_dir() and not _ignored(path)]
        async with asyncio.TaskGroup() as group:
            # A virtual environment in the folder has thousands of folders: they are not watched at all.
            group.create_task(self._watch([self._folder], recursive=False))
            if inside or self._packages:
                group.create_task(self._watch([*inside, *self._packages], recursive=True))

    async def next(self) -> list[Path]:
        """Wait for changed files; those that changed since the last call."""
        await self._awake.wait()
        self._awake.clear()
        changed, self._changed = self._changed, set()
        return sorted(changed)

    async def _watch(self, paths: list[Path], *, recursive: bool) -> None:
        watching = awatch(
            *paths, watch_filter=_Code(ignore_dirs=IGNORED), recursive=recursive, step=QUIET_MS, debounce=1000
        )
        async for changes in watching:
            self._changed |= {Path(path) for _, path in changes}
            self._awake.set()


class _Code(PythonFilter):
    def __init__(self, *, ignore_dirs: Iterable[str]) -> None:
        self.ignore_dirs = tuple(ignore_dirs)
        super().__init__()

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, path)


def _ignored(path: Path) -> bool:
    return path.name in IGNORED or (path / "pyvenv.cfg").is_file()


def _source(package: str, folder: Path) -> Path | None:
    """The folder of an imported package's source, where it is edited: outside `folder` and site-packages."""
    file = getattr(sys.modules.get(package), "__file__", None)
    if file is None:
        return None
    source = Path(file).resolve().parent
    edited = "site-packages" not in source.parts and folder not in source.parents
    return source if edited else None
