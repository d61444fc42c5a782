"""Days without ticks, as people write them."""

import re
from datetime import date

from corral.schedule.timetable import Dates

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(/\d{4}-\d{2}-\d{2})?", re.ASCII)


def dates_of(text: str, *, new: bool) -> Dates:
    """A day, or a range of days; where it is not `new`, also in other forms of ISO 8601, which were taken once.

    Raises:
        ValueError: it is none; the message says it.
    """
    first, _, last = text.partition("/")
    try:
        if not new or _FORM.fullmatch(text):
            return Dates(date.fromisoformat(first), date.fromisoformat(last or first))
    except ValueError:
        pass
    raise ValueError(f"{text[:100]!r} is no day, as 2026-12-24, or range of days, as 2026-12-24/2027-01-01")
