"""The seal: an empty worker that is about to be removed claims nothing, whatever Redis or Postgres say."""

import time
from collections.abc import Callable

SEAL_SECONDS = 30.0
"""Seconds for which a seal outlasts the worker's last answer, by its own clock: several times what the operator
takes to remove the worker."""


class Seal:
    """The promise to claim nothing for a while, kept by this process's own monotonic clock. May be read from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")

    @property
    def held(self) -> bool:
        """Whether nothing may be claimed."""
        return self._clock() < self._until

    def keep(self) -> None:
        """Seal the worker for SEAL_SECONDS from now on."""
        self._until = self._clock() + SEAL_SECONDS

    def lift(self) -> None:
        """End the seal at once: the worker is needed again."""
        self._until = float("-inf")
