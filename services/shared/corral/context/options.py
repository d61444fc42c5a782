"""The options of a job that a handler submits: checked where it submits, and of plain types alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from corral.context.link import SubmitOptions
from corral.job.follow_up import FollowsOn
from corral.job.priority import Priority


def plain_options(options: Mapping[str, Any]) -> SubmitOptions:
    """The options that were given, without those that are None.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: there is no such priority.
    """
    made: Any = {}
    for name, value in options.items():
        if name not in SubmitOptions.__annotations__:
            known = ", ".join(SubmitOptions.__annotations__)
            raise TypeError(f"a submission has no option {name!r}; it has {known}")
        if value is not None:
            made[name] = _plain(name, value)
    checked: SubmitOptions = made
    return checked


def many_options(options: Mapping[str, Any]) -> SubmitOptions:
    """The options of jobs that are submitted together, without those that are None.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: there is no such priority.
    """
    for name in ("idempotency_key", "unique_key"):
        if options.get(name) is not None:
            raise TypeError(f"jobs that are submitted together take no {name}: it would be the same for all")
    return plain_options(options)


def follow_up_options(options: Mapping[str, Any]) -> SubmitOptions:
    """The options of a job that is stored with an outcome, without those that are None.

    Raises:
        TypeError: there is no such option, or its value is of a wrong type.
        ValueError: there is no such priority.
    """
    if options.get("idempotency_key") is not None:
        raise TypeError("a follow-up takes no idempotency_key: it is stored once, with the outcome")
    return plain_options(options)


def follows_on(on: Any) -> str:
    """The name of the outcome that a follow-up waits for.

    Raises:
        TypeError: it is no text.
        ValueError: there is no such outcome.
    """
    if not isinstance(on, str):
        raise TypeError(f"on is the name of an outcome, not a {type(on).__qualname__}")
    if on not in list(FollowsOn):
        raise ValueError(f"on is one of {', '.join(FollowsOn)}, not {on[:50]!r}")
    return FollowsOn(on).value


def _plain(name: str, value: Any) -> Any:
    made: Any
    match name, value:
        case "queue" | "idempotency_key" | "unique_key", str():
            made = str.__str__(value)
        case "priority", str():
            made = _priority(value)
        case "delay" | "timeout" | "expires_in", timedelta():
            made = value.total_seconds()
        case "delay" | "timeout" | "expires_in", int() | float() if not isinstance(value, bool):
            made = _seconds(name, value)
        case "retries", int() if not isinstance(value, bool):
            made = int(value)
        case "run_at", datetime():
            made = _moment(value)
        case "tags" | "limits", list() | tuple() | set() | frozenset() if all(
            isinstance(one, str) for one in value
        ):
            made = [str.__str__(one) for one in value]
        case _:
            raise TypeError(f"the option {name} is {_WANTED[name]}, not a {type(value).__qualname__}")
    return made


def _priority(value: str) -> Priority:
    if value not in list(Priority):
        raise ValueError(f"the option priority is one of {', '.join(Priority)}, not {value[:50]!r}")
    return Priority(value)


def _seconds(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:  # a whole number of hundreds of digits
        raise ValueError(f"the option {name} is too large") from error


def _moment(value: datetime) -> datetime:
    """The time as a plain datetime, whatever subclass it is of."""
    plain = datetime(  # noqa: DTZ001  # whoever resolves it asks for a zone
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    )
    offset = value.utcoffset()
    return plain if offset is None else (plain - offset).replace(tzinfo=UTC)


_SECONDS = "a number of seconds or a timedelta"
_WANTED = {
    "queue": "the name of a queue",
    "priority": f"a priority ({', '.join(Priority)})",
    "delay": _SECONDS,
    "timeout": _SECONDS,
    "expires_in": _SECONDS,
    "retries": "a whole number",
    "run_at": "a datetime",
    "tags": "a list of texts",
    "limits": "a list of the names of limits",
    "unique_key": "a text",
    "idempotency_key": "a text",
}
