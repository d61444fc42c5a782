"""Which instants a time of a wall clock is, where clocks are put forward or back."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from heapq import heappop, heappush
from typing import Self
from zoneinfo import ZoneInfo


class Twice(StrEnum):
    """What becomes of a time that a wall clock shows twice."""

    FIRST = "first"
    BOTH = "both"


class Skipped(StrEnum):
    """What becomes of a time that a wall clock leaves out."""

    SHIFT = "shift"
    """It is as long after the change as it would have been: 02:30 becomes 03:30 where an hour is left out."""
    SKIP = "skip"


class Mark(StrEnum):
    """What a clock change did to a tick."""

    SHIFTED = "shifted"
    FIRST_OF_TWO = "first of two"
    SECOND_OF_TWO = "second of two"


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, in UTC."""

    at: datetime
    mark: Mark | None = None

    def __lt__(self, other: Self) -> bool:
        """By time; of two at once the one that no change has touched, which is the one that is kept."""
        return (self.at, self.mark is not None) < (other.at, other.mark is not None)


def instants(time: datetime, zone: ZoneInfo, twice: Twice, skipped: Skipped) -> tuple[Instant, ...]:
    """The instants at which a wall clock of the zone shows the time, in order. Source: PEP 495."""
    first, second = (time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return (Instant(first),)
    if first > second:  # left out: read with the offset from before the change
        return () if skipped is Skipped.SKIP else (Instant(first, Mark.SHIFTED),)
    if twice is Twice.FIRST:
        return (Instant(first, Mark.FIRST_OF_TWO),)
    return (Instant(first, Mark.FIRST_OF_TWO), Instant(second, Mark.SECOND_OF_TWO))


def in_order(
    times: Iterable[datetime], zone: ZoneInfo, found: Callable[[datetime], tuple[Instant, ...]]
) -> Iterator[Instant]:
    """The instants of ascending times of a wall clock, ascending, each once.

    A time that is shifted may come after times that follow it on the wall, and so may the second of two.
    """
    held: list[Instant] = []
    last: datetime | None = None
    for time in times:
        least = min(time.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        while held and held[0].at < least:  # no later time is before that
            if (instant := heappop(held)).at != last:
                yield instant
                last = instant.at
        for instant in found(time):
            heappush(held, instant)
    while held:
        if (instant := heappop(held)).at != last:
            yield instant
            last = instant.at


def reach(at: datetime, zone: ZoneInfo) -> timedelta:
    """How far back on the wall a time may lie that is an instant after `at` all the same."""
    day = timedelta(hours=26)  # longer than any change: Samoa left out a day
    offsets = [(at + shift).astimezone(zone).utcoffset() or timedelta() for shift in (-day, timedelta(), day)]
    return max(offsets) - min(offsets)
