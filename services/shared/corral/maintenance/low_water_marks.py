"""Low-water marks: per lane, the oldest queued_at that the leader has seen, so that scans skip dead index entries."""

from collections.abc import Iterable, Mapping

from corral.job.lane import Lane

SLACK_SECONDS = 30.0
"""Rows may yet show up that were queued so much earlier than the moment of a look: longer than any statement of
Corral may take, and a step of the database's clock. What a caller's own transaction commits later than that, or what
is moved to another list, is found by the next look at all lists."""


class LowWaterMarks:
    """The low-water marks of all lanes, in memory. Times are ages, so that the leader's clock is not compared."""

    def __init__(self) -> None:
        self._floors: dict[Lane, float] = {}
        self._others: float | None = None
        """The mark of lanes that had no rows."""

    @property
    def known(self) -> bool:
        """Whether all lanes have been scanned."""
        return self._others is not None

    def lanes(self, others: Iterable[Lane]) -> list[Lane]:
        """The lanes that had rows, and the others given."""
        return sorted(self._floors.keys() | set(others), key=lambda lane: lane.name)

    def all_found(self, began: float, ages: Mapping[Lane, float]) -> None:
        """Take the result of a scan of all lanes that began then: the age of the oldest row of each lane with rows."""
        self._others = began - SLACK_SECONDS
        self._floors = {lane: began - age - SLACK_SECONDS for lane, age in ages.items()}

    def found(self, lane: Lane, began: float, age: float | None) -> None:
        """Take the result of a scan of one lane from its mark on; None where it found no row."""
        self._floors[lane] = began - (age or 0.0) - SLACK_SECONDS

    def within(self, lane: Lane, now: float) -> float | None:
        """The greatest possible age of the lane's oldest row; None where it is not known."""
        floor = self._floors.get(lane, self._others)
        return None if floor is None else now - floor
