"""Periods of the calendar that a chart over time is divided into."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import date, timedelta
from enum import Enum

from corral_jobs.report.table.calendar_date import MONTHS


class Period(Enum):
    """A day, week, month, quarter or year."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @classmethod
    def dividing(cls, days: AbstractSet[date]) -> "Period | None":
        """The one that divides their span into a legible number, half of it with a day or more.

        Figures of each month are drawn by month, however short the span. None for spans of centuries.
        """
        first, last = min(days), max(days)
        span = (last - first).days + 1
        legible = [period for period, at_most in _SPANS if span <= at_most]
        for period in legible:
            periods = sum(1 for _ in period.starts(first, last))
            if 2 * len(set(map(period.start, days))) >= periods:
                return period
        return legible[0] if legible else None

    def start(self, day: date) -> date:
        """The first day of the period in which `day` lies."""
        match self:
            case Period.DAY:
                return day
            case Period.WEEK:  # the first week of the year 1 begins with it, on a Monday
                return day - timedelta(days=day.weekday())
            case Period.MONTH:
                return day.replace(day=1)
            case Period.QUARTER:
                return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
            case Period.YEAR:
                return day.replace(month=1, day=1)

    def starts(self, first: date, last: date) -> Iterator[date]:
        """The first days of all periods from that of `first` to that of `last`."""
        start = self.start(first)
        while True:
            yield start
            after = self._next(start)
            if after is None or after > last:
                return
            start = after

    def print(self, start: date) -> str:
        """The period's name on an axis."""
        month = MONTHS[start.month - 1][:3]
        match self:
            case Period.DAY | Period.WEEK:
                return f"{start.day} {month}"
            case Period.MONTH:
                return f"{month} {start.year % 100:02}"
            case Period.QUARTER:
                return f"Q{(start.month + 2) // 3} {start.year % 100:02}"
            case Period.YEAR:
                return str(start.year)

    def _next(self, start: date) -> date | None:
        """The start after `start`; None after the calendar's last period."""
        try:
            match self:
                case Period.DAY | Period.WEEK:
                    return start + timedelta(days=1 if self is Period.DAY else 7)
                case _:
                    months = {Period.MONTH: 1, Period.QUARTER: 3, Period.YEAR: 12}[self]
                    years, month = divmod(start.month - 1 + months, 12)
                    return date(start.year + years, month + 1, 1)
        except (OverflowError, ValueError):
            return None


_SPANS = (
    (Period.DAY, 92),
    (Period.WEEK, 190),
    (Period.MONTH, 3 * 366),
    (Period.QUARTER, 10 * 366),
    (Period.YEAR, 120 * 366),
)
"""Each period with the longest span, in days, that it divides into a legible number."""
