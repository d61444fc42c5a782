"""Changed code: which files count, and one signal for each burst of changes."""

import asyncio
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from watchfiles import PythonFilter, awatch

QUIET_MS = 200
"""A burst of changes (a save of many files, a branch switch) ends when nothing changed for so long."""
IGNORED = (*PythonFilter.ignore_dirs, ".corral", ".ruff_cache", ".import_linter_cache", "dist", "build")


class Changes:
    """Watches the Python files of a folder, and of packages and modules outside of it."""

    def __init__(self, folder: Path, packages: Iterable[str]) -> None:
        self._folder = folder.resolve()
        sources = {path for name in packages if (path := _source(name, self._folder)) is not None}
        self._packages = [path for path in sources if path.is_dir()]
        self._modules = [path for path in sources if not path.is_dir()]
        self._changed: set[Path] = set()
        self._awake = asyncio.Event()

    async def run(self) -> None:
        """Watch until cancelled."""
        inside = [path for path in self._folder.iterdir() if path.is_dir() and not _ignored(path)]
        async with asyncio.TaskGroup() as group:
            # A virtual environment in the folder has thousands of folders: they are not watched at all.
            group.create_task(self._watch([self._folder, *self._modules], recursive=False))
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


def _ignored(path: Path) -> bool:
    return path.name in IGNORED or (path / "pyvenv.cfg").is_file()


def _source(name: str, folder: Path) -> Path | None:
    """The folder of a package's source, or a module's file, where it is edited: outside `folder` and site-packages.

    It is found without being imported.
    """
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    file = Path(spec.origin).resolve()
    if "site-packages" in file.parts or folder in file.parents:
        return None
    return file.parent if spec.submodule_search_locations else file
