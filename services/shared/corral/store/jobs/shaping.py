"""From a stored row to a job that can be shown, whatever the row holds.

Postgres holds values that the API has no word for, and other writers than Corral may put them there: a
time outside the calendar, a timeout of NaN, a state of a later release. Such a field shows the nearest value
that has a word, and `unreadable` says what is stored: no row can keep its neighbours from being read.
"""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from corral.job.moment import Beyond
from corral.job.priority import Priority
from corral.job.state import State
from corral.json_codec import Document

TIMES = (
    "created_at",
    "run_at",
    "queued_at",
    "started_at",
    "finished_at",
    "updated_at",
    "expires_at",
    "cancel_requested_at",
)


def document(text: str | None) -> Document | None:
    """JSON text as stored; None for a NULL."""
    return None if text is None else Document(text)


def moment(value: datetime) -> datetime:
    """A stored time in UTC; one outside of the calendar is its nearest time."""
    return value.edge if isinstance(value, Beyond) else value.astimezone(UTC)


def shaped(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a job from the columns of its row, `unreadable` among them."""
    shown, unreadable = dict(row), {}
    for field, shape in _SHAPES.items():
        stored = row[field]
        if stored is None and field != "tags":
            continue
        shown[field], readable = shape(stored)
        if not readable:
            unreadable[field] = str(getattr(stored, "stored", stored))
    return shown | {"unreadable": unreadable}


Shaped = tuple[Any, bool]
"""What a field shows, and whether that is what is stored."""


def _document(stored: str) -> Shaped:
    return Document(stored), True


def _moment(stored: datetime) -> Shaped:
    return moment(stored), not isinstance(stored, Beyond)


def _error(stored: object) -> Shaped:
    return (stored, True) if isinstance(stored, dict) else ({"message": str(stored)}, False)


def _seconds(stored: float) -> Shaped:
    return (stored, True) if math.isfinite(stored) else (None, False)


def _priority(stored: str) -> Shaped:
    return Priority.read(stored), stored in set(Priority)


def _state(stored: str) -> Shaped:
    return State.read(stored), stored in set(State)


def _tags(stored: object) -> Shaped:
    if not stored:
        return [], True
    readable = isinstance(stored, list) and all(isinstance(tag, str) for tag in stored)
    return (stored, True) if readable else ([str(tag) for tag in stored], False)  # type: ignore[attr-defined]


_SHAPES: Mapping[str, Callable[[Any], Shaped]] = {
    "payload": _document,
    "result": _document,
    "error": _error,
    "timeout": _seconds,
    "priority": _priority,
    "state": _state,
    "tags": _tags,
    **dict.fromkeys(TIMES, _moment),
}
