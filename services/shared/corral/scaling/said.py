"""Numbers in documents that other programs write to Redis: believed only where they can be shown."""

import math

LAST_MOMENT = 253_402_214_400.0
"""The last day of the year 9999, in unix seconds: no calendar goes on."""
MOST = 1e15


def moment(value: object) -> float:
    """The value as a time in Unix seconds that a calendar has.

    Raises:
        TypeError, ValueError: it is none.
    """
    seconds = number(value)
    if not 0 <= seconds <= LAST_MOMENT:
        raise ValueError(f"{seconds:g} is no time in unix seconds")
    return seconds


def number(value: object) -> float:
    """The value as a finite number of a plausible size.

    Raises:
        TypeError, ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.100} is no number")
    if not abs(value) <= MOST or not math.isfinite(value):
        raise ValueError(f"{value!r:.100} is out of range")
    return float(value)


def count(value: object) -> int:
    """The value as a whole number of a plausible size.

    Raises:
        TypeError, ValueError: it is none.
    """
    return int(number(value))
