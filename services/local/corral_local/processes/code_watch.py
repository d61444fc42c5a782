"""Watches code for changes: which files count, which services they belong to, and when a burst of changes is over."""

import asyncio
import importlib.util
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum
from pathlib import Path

from watchfiles import Change, PythonFilter, awatch

QUIET_MS = 200
"""Milliseconds without a change after which a burst of changes (a save of many files, a branch switch) is over."""
IGNORED = (*PythonFilter.ignore_dirs, ".corral", ".ruff_cache", ".import_linter_cache", "dist", "build")
OURS = ("corral", "corral_jobs", "corral_local", "corral_publisher", "corral_worker")
"""Corral's own packages, which are watched where they are installed as editable."""
BESIDE = (".html", ".css", ".js", ".svg", ".lua", ".sql", ".typ")
"""Endings of other files in them that count as code."""


class ReloadPart(StrEnum):
    """A service that runs code."""

    WORKERS = "workers"
    PUBLISHER = "publisher"
    MAINTENANCE = "maintenance"
    UP = "corral up"


_OF_PACKAGE = {
    "corral_local": frozenset({ReloadPart.UP}),
    "corral_jobs": frozenset({ReloadPart.WORKERS, ReloadPart.PUBLISHER}),
    "corral_publisher": frozenset({ReloadPart.PUBLISHER}),
    "corral_worker": frozenset({ReloadPart.WORKERS}),
    "corral": frozenset({ReloadPart.WORKERS, ReloadPart.PUBLISHER, ReloadPart.MAINTENANCE}),
}
_COMMANDS = "cli"
"""The folder of the package corral of which the running services know nothing."""


class CodeWatch:
    """Watches the Python files of a folder, and of packages and modules outside of it."""

    def __init__(self, folder: Path, packages: Iterable[str]) -> None:
        self._folder = folder.resolve()
        names = list(packages)
        sources = {path for name in names if (path := _source(name, self._folder)) is not None}
        self._ours = {name: root for name in names if name in OURS and (root := _root(name)) is not None}
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
        """Wait for changes; returns the files that changed since the last call."""
        await self._awake.wait()
        self._awake.clear()
        changed, self._changed = self._changed, set()
        return sorted(changed)

    def concerned(self, changed: Iterable[Path]) -> AbstractSet[ReloadPart]:
        """The services that run code of these files. The team's own code is run by workers."""
        return frozenset(part for path in changed for part in self._of(path))

    def _of(self, path: Path) -> AbstractSet[ReloadPart]:
        for name, root in self._ours.items():
            if path.is_relative_to(root):
                inner = path.relative_to(root).parts[0]
                return (
                    frozenset({ReloadPart.UP})
                    if name == "corral" and inner == _COMMANDS
                    else _OF_PACKAGE[name]
                )
        return frozenset({ReloadPart.WORKERS})

    async def _watch(self, paths: list[Path], *, recursive: bool) -> None:
        code = _Code(self._ours.values())
        watching = awatch(*paths, watch_filter=code, recursive=recursive, step=QUIET_MS, debounce=1000)
        async for changes in watching:
            self._changed |= {Path(path) for _, path in changes}
            self._awake.set()


class _Code(PythonFilter):
    """The filter for files: Python counts everywhere, other files only in Corral's packages, because jobs may write such files."""

    def __init__(self, ours: Iterable[Path]) -> None:
        self.ignore_dirs = IGNORED
        self._ours = tuple(ours)
        super().__init__(extra_extensions=BESIDE)

    def __call__(self, change: Change, path: str) -> bool:
        if not super().__call__(change, path):
            return False
        return not path.endswith(BESIDE) or any(Path(path).is_relative_to(root) for root in self._ours)


def _ignored(path: Path) -> bool:
    return path.name in IGNORED or (path / "pyvenv.cfg").is_file()


def _root(name: str) -> Path | None:
    """The folder of a package or the file of a module, found without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.has_location:
        return None
    file = Path(spec.origin).resolve()
    return file.parent if spec.submodule_search_locations else file


def _source(name: str, folder: Path) -> Path | None:
    """The folder or file of a package or module that lies outside `folder` and site-packages; None where it does not."""
    root = _root(name)
    if root is None or "site-packages" in root.parts or folder in root.parents:
        return None
    return root
