"""The filter that says which changed files need a new process: `watchfiles --filter corral.reload_filter.Imported`.

In a container of the target `dev` every process keeps its bytecode beside its own copy of the code, so that a
module without bytecode was never imported there: a publisher goes on when a handler changes.
"""

import importlib.util
import os
from pathlib import Path

from watchfiles import Change, DefaultFilter


class Imported(DefaultFilter):
    """Accepts Python files that were imported and all other files; after the process has ended, every change."""

    def __call__(self, change: Change, path: str) -> bool:
        """Whether this change counts."""
        if not super().__call__(change, path):
            return False
        return not path.endswith(".py") or _imported(path) or not _child_lives()


def _imported(path: str) -> bool:
    return Path(importlib.util.cache_from_source(path)).exists()


def _child_lives() -> bool:
    """Whether a child process runs; one that has ended is a zombie until it is waited for.

    Source: proc(5), /proc/pid/task/tid/children and the third field of /proc/pid/stat.
    """
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    if not children.exists():
        return True
    return any(_state(pid) not in {"Z", "X", ""} for pid in children.read_text().split())


def _state(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
