"""From where on each list has rows, as far as the leader has seen. In memory: the next leader looks for itself."""

from collections.abc import Iterable, Mapping

from corral.job.lane import Lane

SLACK_SECONDS = 30.0
"""Rows may yet show up that were queued so much earlier than the moment of a look: longer than any statement of
Corral may take, and a step of the database's clock. What a caller's own transaction commits later than that, or what
is moved to another list, is found by the next look at all lists."""


class LowWaterMarks:
    """By the clock of whoever holds it: only how long ago something was is compared with the database's."""

    def __init__(self) -> None:
        self._floors: dict[Lane, float] = {}
        self._others: float | None = None
        """The floor of lists that had no rows."""

    @property
    def known(self) -> bool:
        """Whether all lists have been looked at."""
        return self._others is not None

    def lanes(self, others: Iterable[Lane]) -> list[Lane]:
        """Those that had rows, and the others given."""
        return sorted(self._floors.keys() | set(others), key=lambda lane: lane.name)

    def all_found(self, began: float, ages: Mapping[Lane, float]) -> None:
        """What a look at all lists found that began then: the age of the oldest row of each that has rows."""
        self._others = began - SLACK_SECONDS
        self._floors = {lane: began - age - SLACK_SECONDS for lane, age in ages.items()}

    def found(self, lane: Lane, began: float, age: float | None) -> None:
        """What a look at one list found, from its floor on; None where it is empty."""
        self._floors[lane] = began - (age or 0.0) - SLACK_SECONDS

    def within(self, lane: Lane, now: float) -> float | None:
        """How long ago the oldest row of the list may have been queued; None where nothing is known."""
        floor = self._floors.get(lane, self._others)
        return None if floor is None else now - floor
