"""The memory of attempts in processes: read while they run, and ended when it is more than their job type allows.

A limit that the kernel enforces (RLIMIT_AS) counts addresses, of which libraries reserve far more than they use, and
makes them fail in ways of their own. What is counted here is what is in memory, of the child and of all that it started.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

PERIOD_SECONDS = 0.05
"""Seconds between two looks: a process that takes 1 GB in a second is ended 50 MB late."""
MIB = 1_048_576
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


class WatchedChild(Protocol):
    """A child process whose memory is watched."""

    @property
    def pid(self) -> int | None:
        """The process that runs handlers, once it is known and until it has ended."""

    def end_over_memory(self, used: int, limit: int) -> None:
        """End the attempt: it uses `used` bytes of `limit` MiB."""


@contextlib.contextmanager
def watched(child: WatchedChild, limit: int | None) -> Iterator[None]:
    """Within it, the child is ended when it uses more than `limit` MiB; None, or no /proc as outside Linux: never."""
    if limit is None or not _PROC.is_dir():
        yield
        return
    watch = asyncio.get_running_loop().create_task(_watch(child, limit))
    try:
        yield
    finally:
        watch.cancel()


async def _watch(child: WatchedChild, limit: int) -> None:
    while True:
        await asyncio.sleep(PERIOD_SECONDS)
        if child.pid is not None and (used := resident_bytes(child.pid)) > limit * MIB:
            child.end_over_memory(used, limit)
            return


def resident_bytes(pid: int) -> int:
    """Bytes in memory of a process and all that it started; 0 where it has ended. What they share counts for each."""
    used, looked, left = 0, {pid}, [pid]
    while left:
        one = left.pop()
        with contextlib.suppress(OSError, IndexError, ValueError):  # it may end at any moment
            used += int((_PROC / str(one) / "statm").read_text().split()[1]) * _PAGE
            for thread in (_PROC / str(one) / "task").iterdir():
                started = set(map(int, (thread / "children").read_text().split())) - looked
                looked |= started
                left += started
    return used
