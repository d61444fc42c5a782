"""The options of a declaration as a person writes them: plain numbers, words and lists."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from corral.catalog.limits.limit import AnyLimit, Limit, Rate
from corral.errors import DeclarationError
from corral.job import backoff as backoffs
from corral.job.batch import Batch
from corral.job.bounds import written
from corral.job.effect import IfPerhapsDone
from corral.job.options import Executor, Options, Retention
from corral.job.priority import Priority
from corral.job.unique import Unique

if TYPE_CHECKING:  # it is made of these keywords
    from corral.catalog.declared_queue import Queue

Seconds = float | timedelta
Word = TypeVar("Word", bound=StrEnum)


class SharedKeywords(TypedDict, total=False):
    """What both a queue and a job type may say. Times are seconds or a timedelta."""

    priority: Priority | str
    retries: int
    backoff: backoffs.Backoff | Seconds | Sequence[Seconds]
    """A number is a fixed wait, a list the exact waits of which the last one repeats."""
    timeout: Seconds | None
    delay: Seconds
    expires_in: Seconds | None
    max_stalls: int


class OptionKeywords(SharedKeywords, total=False):
    """What `job_type` and `job` take beside name and models. Times are seconds or a timedelta."""

    queue: "str | Queue"
    queues: "Sequence[str | Queue]"
    """Further queues that a submission may name."""
    tags: Sequence[str]
    search: Sequence[str]
    keep_finished: Retention | int | timedelta
    """Which completed and cancelled jobs stay: a whole number is the newest so many, a timedelta is an age."""
    keep_failed: Retention | int | timedelta
    """The same for failed jobs."""
    executor: Executor | str
    memory_limit: int | None
    """MiB, for attempts in processes."""
    perhaps_done: IfPerhapsDone | str
    """What an attempt does that finds an effect that was begun and never ended: `fail` or `repeat`."""
    limits: Sequence[AnyLimit]
    """A job starts only when each of them has room."""
    unique: Unique | None
    """What makes jobs the same, and what becomes of a duplicate."""
    batch: Batch | None
    """The handler gets several jobs at once."""


def options_of(where: str, keywords: OptionKeywords) -> Options:
    """The checked options of what `where` names, such as `job type mail.send`.

    Raises:
        DeclarationError: a keyword is unknown or its value out of range; the message names both.
    """
    given: dict[str, Any] = {**keywords}
    known = Options.__dataclass_fields__.keys()
    for keyword in given:
        if keyword not in known:
            raise DeclarationError(f"{where}: there is no option {keyword!r}; known are {', '.join(known)}")
    try:
        options = Options(**{key: _CONVERT.get(key, _as_is)(key, value) for key, value in given.items()})
        options.check()
    except (ValueError, TypeError) as error:
        raise DeclarationError(f"{where}: {error}") from error
    return options


def limits_of(where: str, value: Any) -> tuple[AnyLimit, ...]:
    """The limits that a declaration names, as it gives them.

    Raises:
        DeclarationError: it is no list of limits.
    """
    if isinstance(value, Limit | Rate):
        raise DeclarationError(f"{where}: limits is {value.name} alone; it must be a list, as limits=[…]")
    if not isinstance(value, list | tuple):
        raise DeclarationError(f"{where}: limits is {value!r:.100}; it must be a list of Limit and Rate")
    for limit in value:
        if not isinstance(limit, Limit | Rate):
            raise DeclarationError(
                f"{where}: limits holds {limit!r:.100}; it must hold Limit and Rate"
                + (", each list of them with a star before it" if isinstance(limit, list | tuple) else "")
            )
    return tuple(value)


def _optional_seconds(key: str, value: Any) -> float | None:
    return None if value is None else _seconds(key, value)


def _seconds(key: str, value: Any) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{key}: {value!r} is neither a number of seconds nor a timedelta")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{key}: {written(value)} is too large") from None


def _backoff(key: str, value: Any) -> backoffs.Backoff:
    match value:
        case backoffs.Fixed() | backoffs.Linear() | backoffs.Exponential() | backoffs.Exact():
            return value
        case list() | tuple():
            return backoffs.Exact(tuple(_seconds(key, item) for item in value))
        case _:
            return backoffs.Fixed(_seconds(key, value))


def _retention(key: str, value: Any) -> Retention:
    match value:
        case Retention():
            return value
        case timedelta():
            return Retention(seconds=value.total_seconds())
        case int() if not isinstance(value, bool):
            return Retention(count=value)
        case _:
            raise TypeError(
                f"{key}: {value!r:.100} is neither a whole number of jobs nor a timedelta nor a Retention"
            )


def _whole(key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key}: {value!r} is not a whole number")
    return value


def _batch(key: str, value: Any) -> Batch | None:
    match value:
        case None:
            return None
        case Batch():
            return value
        case _:
            raise TypeError(f"{key}: {value!r:.100} is no Batch; write Batch(size=100, wait=3)")


def _one_of(key: str, value: Any, choices: type[Word]) -> Word:
    try:
        return choices(value)
    except ValueError:
        raise ValueError(f"{key}: {value!r} is none of {', '.join(choices)}") from None


def _words(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence | set | frozenset):
        raise TypeError(f"{key}: {value!r} is not a list of words")
    for word in value:
        if not isinstance(word, str) or not word:
            raise TypeError(f"{key}: {word!r} is not a word")
    return tuple(value)


def _as_is(_key: str, value: Any) -> Any:
    return value


def _unique(key: str, value: Any) -> Unique | None:
    if value is None or isinstance(value, Unique):
        return value
    raise TypeError(f'{key}: {value!r:.100} is no Unique, such as Unique(by=["source", "guid"])')


_CONVERT: dict[str, Callable[[str, Any], Any]] = {
    "queues": lambda key, value: frozenset(_words(key, value)),
    "priority": lambda key, value: _one_of(key, value, Priority),
    "retries": _whole,
    "backoff": _backoff,
    "timeout": _optional_seconds,
    "delay": _seconds,
    "expires_in": _optional_seconds,
    "max_stalls": _whole,
    "limits": lambda key, value: tuple(one.name for one in limits_of(key, value)),
    "tags": _words,
    "batch": _batch,
    "search": _words,
    "keep_finished": _retention,
    "keep_failed": _retention,
    "executor": lambda key, value: _one_of(key, value, Executor),
    "perhaps_done": lambda key, value: _one_of(key, value, IfPerhapsDone),
    "unique": _unique,
    "memory_limit": lambda key, value: None if value is None else _whole(key, value),
}
