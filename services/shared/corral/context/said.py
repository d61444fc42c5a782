"""What a handler says of its attempt, made storable where it says it: log lines and progress.

A log line takes any value. Progress is a number and a text, and everything else is an error of the call.
"""

import math
import traceback
from collections.abc import Mapping
from typing import Any, NamedTuple

from corral import frames
from corral.storable import printable, storable, text_of

MAX_LINE = 4_000
"""Characters of one log line."""
MAX_PROGRESS_MESSAGE = 500
"""Characters."""
"""Of the traceback of an exception that is logged: the innermost ones."""


class LogLine(NamedTuple):
    """A line of a job's log: text and JSON values that can be stored."""

    text: str
    fields: dict[str, Any]


def log_line(said: object, fields: Mapping[str, object]) -> LogLine:
    """The line for a text, an exception (with its traceback) or any other value; never refuses one."""
    text = _told(said) if isinstance(said, BaseException) else text_of(said, MAX_LINE)
    return LogLine(text, storable(fields) if fields else {})


def percent_of(percent: object) -> int:
    """Progress as a whole number from 0 to 100; what is beyond either end is the end.

    Raises:
        TypeError: it is no number.
        ValueError: it is not finite.
    """
    if isinstance(percent, bool | str | bytes | bytearray) or not hasattr(type(percent), "__float__"):
        raise TypeError(f"progress is a number from 0 to 100, not {_shown(percent)}")
    try:
        number = float(percent)  # type: ignore[arg-type]  # it has __float__
    except OverflowError:
        number = math.copysign(100.0, 1 if percent > 0 else -1)  # type: ignore[operator]  # a huge whole number
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"progress is a number from 0 to 100, not {text_of(percent, 50)}")
    return round(min(100.0, max(0.0, number)))


def message_of(message: object) -> str | None:
    """The words for the progress, None for the ones before.

    Raises:
        TypeError: it is no text.
    """
    if message is None:
        return None
    if not isinstance(message, str):
        raise TypeError(f"the message of progress is a text, not {_shown(message)}")
    return printable(message, MAX_PROGRESS_MESSAGE)


def _told(error: BaseException) -> str:
    """The traceback of an exception as text; of a long one the beginning and the end are kept."""
    head = frames.described(error, where=False)[: MAX_LINE // 4]
    trace = _traceback(error).rstrip()
    room = MAX_LINE - len(head) - 10
    if len(trace) > room:
        trace = f"{trace[: room // 2]}\n…\n{trace[-room // 2 :]}"
    return printable(f"{head}\n{trace}", MAX_LINE)


def _traceback(error: BaseException) -> str:
    trace = frames.trace_of(error)
    try:
        return frames.formatted(error, trace)
    except Exception:  # noqa: BLE001  # formatting calls the exception's own code
        return "".join(traceback.format_tb(trace, limit=-frames.MAX_FRAMES))


def _shown(value: object) -> str:
    return f"{type(value).__qualname__} {text_of(value, 50)!r}" if value is not None else "None"
