"""Cron expressions as times of a wall clock; what a zone makes of them is for `clock_change`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Self

from cronsim import CronSim, CronSimError

from corral.errors import FieldError, InvalidInput

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Source: crontab(5) of Vixie cron. `@reboot` is no time."""
VALUES = (
    (60, "seconds"),
    (60, "minutes"),
    (24, "hours"),
    (31, "days"),
    (12, "months"),
    (7, "days of a week"),
)
"""How many values each field has."""
FIRST_TIMES = 3
MAX_CHARACTERS = 1_000
"""Of an expression: every value of every field fits."""
FORM = (
    "five fields (minute hour day month weekday), six (second first), or one of " + ", ".join(NAMED) + "; "
    "L is the last day, 5L the last Friday, 5#3 the third"
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A checked expression."""

    text: str
    """As it was written."""
    fields: str
    """As five or six fields."""

    @classmethod
    def parse(cls, text: str, *, new: bool = False) -> Self:
        """The expression, checked; a `new` one, which is written now, more strictly than those that are stored.

        Raises:
            InvalidInput: it is none, or means no day that ever comes; a new one, too, where a step leads nowhere.
        """
        fields = NAMED.get(text.strip().lower(), text.strip())
        fault = _fault(fields) or (_step_fault(fields) if new else None)
        if fault is not None:
            raise _refused(text, fault)
        return cls(text, " ".join(fields.split()))

    @property
    def every_hour(self) -> bool:
        """Whether it means hours as they pass, not hours of the day. Source: cron(8) of Debian, on clock changes."""
        return self.fields.split()[-4].startswith("*")

    def times(self, start: datetime) -> Iterator[datetime]:
        """The times of a wall clock from `start`'s second on; they have no zone."""
        first = _first_times(self.fields, start)
        yield from first
        if len(first) == FIRST_TIMES:
            yield from CronSim(self.fields, first[-1])


@lru_cache(maxsize=4096)
def _first_times(fields: str, start: datetime) -> tuple[datetime, ...]:
    """As many as tell what is due and what comes next. Thousands of schedules may share an expression and a minute."""
    return tuple(islice(CronSim(fields, start - timedelta(seconds=1)), FIRST_TIMES))


@lru_cache(maxsize=4096)
def _fault(fields: str) -> str | None:
    if len(fields) > MAX_CHARACTERS:
        return f"it has {len(fields):,} characters, more than {MAX_CHARACTERS:,}"
    try:
        next(CronSim(fields, datetime(2000, 1, 1)))  # noqa: DTZ001 - a wall clock has no zone
    except CronSimError as error:
        return str(error)
    except StopIteration:
        return "no such day comes within 50 years"
    return None


def _step_fault(fields: str) -> str | None:
    """What is wrong with a step: one that is larger than all values of its field means the first of them alone."""
    for values, field in zip(reversed(VALUES), reversed(fields.split()), strict=False):
        for part in field.split(","):
            step = part.partition("/")[2]
            if step.isdecimal() and int(step) > values[0]:
                return f"its step /{step[:20]} is more than the {values[0]} {values[1]} there are"
    return None


def _refused(text: str, why: str) -> InvalidInput:
    return InvalidInput(FieldError("/cron", f"{text[:100]!r} is no cron expression ({why}); it has {FORM}"))
