"""Finds silent workers by their counters: only the observer's clock and successful reads count (protocol rule 22)."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Subject = TypeVar("Subject", bound=Hashable)


@dataclass(slots=True)
class _Seen:
    counter: int
    since: float


class LeaseObservation(Generic[Subject]):
    """Remembers since when each counter has not changed.

    Reads more than `longest_gap` seconds apart begin the observation anew: what happened between them is not known.
    """

    def __init__(self, lease: float, longest_gap: float) -> None:
        self._lease = lease
        self._longest_gap = longest_gap
        self._seen: dict[Subject, _Seen] = {}
        self._looked: float | None = None

    def look(self, counters: Iterable[tuple[Subject, int]], now: float) -> list[tuple[Subject, int]]:
        """Take the counters of all subjects, read successfully at `now` (monotonic seconds).

        Returns the subjects whose counter has not changed for a whole lease, with the counter.
        """
        if self._looked is not None and now - self._looked > self._longest_gap:
            self.begin_anew()
        self._looked = now
        before, self._seen = self._seen, {}
        for subject, counter in counters:
            seen = before.get(subject)
            moved = seen is None or seen.counter != counter
            self._seen[subject] = _Seen(counter, now) if seen is None or moved else seen
        return [
            (subject, seen.counter) for subject, seen in self._seen.items() if now - seen.since >= self._lease
        ]

    def begin_anew(self) -> None:
        """Forget everything, because a read failed or the leader changed."""
        self._seen.clear()
        self._looked = None
