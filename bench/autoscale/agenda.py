"""What happens in a simulation, and when."""

import heapq
from collections.abc import Callable


class Agenda:
    """Calls in the order of their times; of one time, those that were put first."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def put(self, when: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._entries, (when, self._count, what))

    def repeat(self, first: float, seconds: float, what: Callable[[], None]) -> None:
        """Make a call again and again, each time `seconds` later."""

        def call(when: float) -> None:
            what()
            self.put(when + seconds, lambda: call(when + seconds))

        self.put(first, lambda: call(first))

    def pop(self) -> tuple[float, Callable[[], None]]:
        """The next call and its time."""
        when, _, what = heapq.heappop(self._entries)
        return when, what
