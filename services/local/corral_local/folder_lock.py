"""The lock of a folder: a file in it that one process at a time holds, and that contains the process's id."""

import fcntl
import os
from pathlib import Path


class FolderLocked(Exception):
    """Another process holds the lock; `owner` is its process id as text, empty where it can't be read."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__(f"held by process {owner or 'unknown'}")


def lock(file: Path, mode: int) -> int:
    """Create the file if necessary and lock it. Returns a descriptor that holds the lock until it is closed.

    Args:
        file: the lock's file.
        mode: its permissions, where it is created.

    Raises:
        FolderLocked: another process holds it.
        OSError: it can't be created or opened.
    """
    held = os.open(file, os.O_RDWR | os.O_CREAT, mode)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(held, 32).decode(errors="replace").strip()
        os.close(held)
        raise FolderLocked(owner) from None
    os.truncate(held, 0)
    os.write(held, f"{os.getpid()}\n".encode())
    return held
