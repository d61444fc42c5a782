"""Dates in text: recognised where a whole column has one unambiguous form."""

import re
from collections.abc import Sequence
from datetime import date

_TIME = r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(?P<y>\d{{4}})(?P<mark>[-/.])(?P<m>\d{{1,2}})(?P=mark)(?P<d>\d{{1,2}}){_TIME}")
_YEAR_LAST = re.compile(rf"(?P<a>\d{{1,2}})(?P<mark>[-/.])(?P<b>\d{{1,2}})(?P=mark)(?P<y>\d{{4}}){_TIME}")
_MONTH = re.compile(r"(?P<y>\d{4})-(?P<m>\d{2})")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
"""Not strftime's, which follow the process' locale."""
_UTC = frozenset({"Z", "+00:00", "+0000"})


def read_dates(cells: Sequence[str | None]) -> tuple[date | None, ...] | None:
    """The dates of a column, None for a blank cell; None if it is not a column of dates.

    03/04/2026 alone may be March or April, so such a column is recognised only
    when one of its cells has a day above 12. Dots mean day first.
    """
    texts = [cell for cell in cells if cell is not None]
    if not texts:
        return None
    for form in (_YEAR_FIRST, _MONTH):
        if form.fullmatch(texts[0]):
            return _convert(cells, form, ("y", "m", "d"))
    first = _YEAR_LAST.fullmatch(texts[0])
    if first is None:
        return None
    parts = [found for text in texts if (found := _YEAR_LAST.fullmatch(text))]
    if len(parts) != len(texts):
        return None
    day_first = first["mark"] == "." or any(int(part["a"]) > 12 for part in parts)
    month_first = first["mark"] != "." and any(int(part["b"]) > 12 for part in parts)
    if day_first == month_first:
        return None
    return _convert(cells, _YEAR_LAST, ("y", "b", "a") if day_first else ("y", "a", "b"))


def _convert(
    cells: Sequence[str | None], form: re.Pattern[str], names: tuple[str, str, str]
) -> tuple[date | None, ...] | None:
    dates: list[date | None] = []
    known: dict[str, date] = {}
    for cell in cells:
        if cell is None:
            dates.append(None)
            continue
        if cell not in known:
            found = form.fullmatch(cell)
            if found is None:
                return None
            parts = found.groupdict()
            try:
                known[cell] = date(*(int(parts.get(name) or 1) for name in names))
            except ValueError:
                return None
        dates.append(known[cell])
    return tuple(dates)


def print_moment(text: str) -> str:
    """An ISO time without its T and fractions; any other text as it is."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    day, time, zone = found.groups()
    return f"{day} {time}{' UTC' if zone in _UTC else f' {zone}' if zone else ''}"


def print_day(day: date) -> str:
    """5 March 2026."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def print_span(first: date, last: date) -> str:
    """From the first day to the last, saying year and month only once where they agree."""
    start, end = (f"{day.day} {MONTHS[day.month - 1][:3]}" for day in (first, last))
    if first == last:
        return f"{end} {last.year}"
    if first.year != last.year:
        return f"{start} {first.year} \u2013 {end} {last.year}"
    if first.month != last.month:
        return f"{start} \u2013 {end} {last.year}"
    return f"{first.day}\u2013{end} {last.year}"
