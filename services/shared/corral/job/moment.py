"""Moments: times that every part of Corral can read back.

Python, JSON's readers and the pages know the years 1 to 9999 in UTC. Postgres holds more: years beyond,
BC, and infinity. What lies outside is refused on its way in, and survived on its way out.
"""

import re
from datetime import UTC, datetime
from typing import Self

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
EXAMPLE = "2030-01-31T09:00:00Z"

_FORM = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt_ ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?) ?([Zz]|[-+]\d{2}(?::?\d{2})?)?", re.ASCII
)
"""Source: RFC 3339, section 5.6, and the forms of ISO 8601 that people write in its place."""


class Beyond(datetime):
    """A stored time outside of Python's calendar. It counts as the nearest time inside and keeps what is stored."""

    stored: str
    """As Postgres writes it: `infinity`, `10000-01-01 04:59:59+00`, `0044-03-15 00:00:00+00 BC`."""

    @classmethod
    def read(cls, stored: str) -> Self:
        """The nearest time of the calendar to what Postgres wrote."""
        early = stored.startswith("-") or stored.endswith(" BC")
        edge = EARLIEST if early else LATEST
        made = cls.combine(edge.date(), edge.timetz())
        made.stored = stored
        return made

    @property
    def edge(self) -> datetime:
        """The nearest time of the calendar, as a plain datetime."""
        return datetime.combine(self.date(), self.timetz())


def parse(text: str) -> datetime:
    """The moment that a text spells, in UTC.

    Raises:
        ValueError: it is no time, has no time zone, or lies outside the calendar; the message says which.
    """
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"is not a time such as {EXAMPLE}")
    day, time, zone = form.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone.upper() if zone else ''}")
    except ValueError as error:
        raise ValueError(f"is not a time such as {EXAMPLE}") from error
    return in_utc(moment)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        ValueError: it has no time zone, or lies outside the calendar.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"needs a time zone, as in {EXAMPLE}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"is {moment.isoformat()}, which in UTC lies outside the years 1 to 9999") from error
