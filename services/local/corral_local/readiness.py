"""How a program says that it serves: a byte for each of its processes, through a pipe."""

import asyncio
import os
from collections.abc import Callable

POLL_SECONDS = 0.05
"""Seconds between two looks."""


class Readiness:
    """The pipe, for every run of one program."""

    def __init__(self) -> None:
        self._reading, self.descriptor = os.pipe()
        """`descriptor` is for the program to write to, without waiting: nobody reads what later runs say."""
        os.set_blocking(self._reading, False)
        os.set_blocking(self.descriptor, False)

    async def heard(self, processes: int, seconds: float, running: Callable[[], bool]) -> bool:
        """Whether so many processes serve before the program ends or the time is over."""
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
        """Give both ends back."""
        os.close(self._reading)
        os.close(self.descriptor)
