"""The ticks of a schedule: instants in UTC, the same for whoever asks and whenever."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from corral.errors import FieldError, InvalidInput
from corral.schedule.clock_change import Instant, Mark, Skipped, Twice, in_order, instants, reach
from corral.schedule.cron import Cron

UTC_ZONE = ZoneInfo("UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST, MOST = timedelta(seconds=1), timedelta(days=3_660)
"""The lengths of time that may pass between two ticks."""
MAX_JITTER = 86_400
FIRST, LAST = datetime(1, 1, 7, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""No tick comes before or after: the calendar begins and ends soon, and its edges are not times in every zone."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One time at which a schedule asks for a job."""

    at: datetime
    """The instant, in UTC: what names the tick."""
    run_at: datetime
    """When the job is due: the instant, and the tick's share of the jitter."""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Dates:
    """Days of the schedule's zone, both ends included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When there are ticks."""

    every: Cron | timedelta
    """A cron expression, or a length of time that passes between two ticks whatever clocks do."""
    zone: ZoneInfo = UTC_ZONE
    """Where the wall clock of the expression and of the excluded days hangs."""
    twice: Twice | None = None
    """None: once, unless the expression means every hour, which goes on through both."""
    skipped: Skipped = Skipped.SHIFT
    start: datetime | None = None
    """No tick before it; a length of time is counted from it, or from 1970."""
    end: datetime | None = None
    """No tick after it."""
    excluded: Sequence[Dates] = ()
    jitter: float = 0
    """Seconds within which jobs are spread after their tick."""
    seed: str = ""
    """What the spread is made from beside the tick, such as the schedule's name."""

    def __post_init__(self) -> None:
        """Raises: InvalidInput."""
        every, wrong = self.every, []
        if isinstance(every, timedelta) and not LEAST <= every <= MOST:
            wrong.append(FieldError("/interval", f"{every} is not between {LEAST} and {MOST}"))
        if not 0 <= self.jitter <= MAX_JITTER:
            wrong.append(FieldError("/jitter", f"{self.jitter:g} is not from 0 to {MAX_JITTER:,} seconds"))
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                wrong.append(
                    FieldError(f"/{name}", f"{moment.isoformat()} has no offset; write one, as +00:00")
                )
        if not wrong and self.start and self.end and self.end < self.start:
            wrong.append(FieldError("/end", f"{self.end.isoformat()} is before the start"))
        wrong += [
            FieldError(f"/excluded/{at}", f"{dates.last} is before {dates.first}")
            for at, dates in enumerate(self.excluded)
            if dates.last < dates.first
        ]
        if wrong:
            raise InvalidInput(*wrong)

    def ticks(self, after: datetime, until: datetime | None = None) -> Iterator[Tick]:
        """The ticks after one instant, up to another one, which may be a tick; in order.

        A tick depends on nothing but the timetable, so that asking in pieces gives the same.
        """
        until = min(moment for moment in (until, self.end, LAST) if moment is not None)
        after = max(after, FIRST)
        if self.start is not None and self.start > after:
            after = self.start - timedelta(microseconds=1)
        going: datetime | None = after
        while going is not None and going < until:
            after, going = going, None
            for instant in self._instants(after):
                if instant.at > until:
                    return
                if instant.at <= after:
                    continue
                if (dates := self._excluded_at(instant.at)) is None:
                    yield Tick(instant.at, instant.at + self._delay(instant.at), instant.mark)
                elif (passed := self._passed(dates)) > instant.at:
                    going = passed  # there may be millions of instants before it
                    break

    def _instants(self, after: datetime) -> Iterator[Instant]:
        if isinstance(self.every, timedelta):
            origin = self.start or EPOCH
            passed = max(0, (after - origin) // self.every)
            return (Instant(origin + number * self.every) for number in count(passed))
        wall = after.astimezone(self.zone).replace(tzinfo=None, fold=0) - reach(after, self.zone)
        twice = self.twice or (Twice.BOTH if self.every.every_hour else Twice.FIRST)
        return in_order(
            self.every.times(wall), self.zone, lambda time: instants(time, self.zone, twice, self.skipped)
        )

    def _excluded_at(self, at: datetime) -> Dates | None:
        """The excluded days among which an instant is."""
        day = at.astimezone(self.zone).date()
        return next((dates for dates in self.excluded if dates.first <= day <= dates.last), None)

    def _passed(self, dates: Dates) -> datetime:
        """A moment after which the first tick after these days comes: just before the earlier midnight, where there are two."""
        if dates.last >= LAST.date():
            return LAST
        midnight = datetime.combine(dates.last + timedelta(days=1), time(), self.zone)
        return min(midnight.replace(fold=fold).astimezone(UTC) for fold in (0, 1)) - timedelta(microseconds=1)

    def _delay(self, at: datetime) -> timedelta:
        """The same for every leader, and another one for each tick."""
        if not self.jitter:
            return timedelta()
        drawn = hashlib.sha256(f"{self.seed}\n{at.isoformat()}".encode()).digest()[:6]
        return timedelta(seconds=self.jitter * int.from_bytes(drawn) / 2**48)
