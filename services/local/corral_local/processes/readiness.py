"""A pipe through which a program reports that it serves: one byte for each of its processes."""

import asyncio
import os
from collections.abc import Callable

POLL_SECONDS = 0.05
"""Seconds between two reads of the pipe."""


class Readiness:
    """The pipe of one program, for all of its runs."""

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        """The program writes to `descriptor` without blocking, because nobody reads what later runs write."""
        os.set_blocking(self._reading, False)
        os.set_blocking(self.descriptor, False)

    async def heard(self, processes: int, seconds: float, running: Callable[[], bool]) -> bool:
        """Whether so many processes report within so many seconds, and before the program ends."""
        clock = asyncio.get_running_loop().time
        deadline, serving = clock() + seconds, 0
        while running() and clock() < deadline:
            try:
                serving += len(os.read(self._reading, 64))
            except BlockingIOError:
                await asyncio.sleep(POLL_SECONDS)
            if serving >= processes:
                return True
        return False

    def close(self) -> None:
        """Close both ends."""
        os.close(self._reading)
        os.close(self.descriptor)
