"""When to ask again what can take long: the longer it took, the later.

What is deleted or updated stays in the indexes as long as any transaction may still see it. A snapshot that
somebody holds open makes the scans of what is queued, due or running read all that ended since, and this bounds
what they may cost.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class QueryBudget:
    """Bounds the share of its time that a question takes, and how long it may go unasked for that."""

    def __init__(
        self,
        share: float,
        *,
        free: float,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`free`: seconds that an answer may take without any consequence. `longest`: seconds between two answers."""
        self._share = share
        self._free = free
        self._longest = longest
        self._clock = clock
        self._next = float("-inf")

    @property
    def due(self) -> bool:
        """Whether it may be asked now."""
        return self._clock() >= self._next

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Around the question. One that fails says nothing of what answers cost: it may be asked again at once."""
        began = self._clock()
        yield
        self.took(self._clock() - began)

    def took(self, seconds: float) -> None:
        """Take note of what the answer that just came took."""
        if seconds > self._free:
            self._next = self._clock() + min(seconds / self._share, self._longest)
