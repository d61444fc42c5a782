"""Checkouts of earlier revisions of this repository, whose Corral runs beside this one.

A revision is found by the subject of its commit, which stays the same where histories are moved.
"""

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measuring.child import ROOT

PACKAGES = ("shared", "worker", "jobs", "local", "publisher")


def path_of(tree: Path) -> str:
    """PYTHONPATH for programs of a checkout: its code is found before what is installed."""
    return ":".join(str(folder) for folder in (tree, *(tree / "services" / name for name in PACKAGES)))


def commit(subject: str) -> str:
    """The commit with that subject; empty where this is no checkout, or one whose history does not hold it."""
    try:
        return _git("log", "-1", "--fixed-strings", f"--grep={subject}", "--format=%H").decode().strip()
    except RuntimeError:
        return ""


@contextmanager
def checkout(subject: str, *, before: bool = False) -> Iterator[Path]:
    """The files of the commit with that subject, or of the one before it, in a temporary folder.

    Raises: RuntimeError where the history of this checkout does not hold it.
    """
    if not (found := commit(subject)):
        raise RuntimeError(f"no commit {subject!r} here: this needs the whole history of the repository")
    with TemporaryDirectory(prefix="corral-bench-") as folder:
        archive = Path(folder, "tree.tar")
        archive.write_bytes(_git("archive", f"{found}^" if before else found, "bench", "services"))
        tree = Path(folder, "tree")
        with tarfile.open(archive) as files:
            files.extractall(tree, filter="data")
        yield tree


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode(errors='replace')[:500]}")
    return done.stdout
