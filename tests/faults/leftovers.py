"""Processes that run for a system, wherever they hang in the tree."""

from pathlib import Path

import psutil
from tests.fixtures.waiting import left_after


def leftovers(folder: Path) -> list[psutil.Process]:
    """Those of the system of this folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("FAULTS_FOLDER") == str(folder)
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def gone(folder: Path, seconds: float) -> list[psutil.Process]:
    """Wait for the last of them; those that are still there after `seconds`."""
    return left_after(lambda: leftovers(folder), timeout=seconds)
