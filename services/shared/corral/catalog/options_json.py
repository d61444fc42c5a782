"""Options as JSON: what is registered of a job type, and what an operator sets for a queue.

Another release may have written what is read here, with words or numbers that this one does not know (protocol
rule 29). A number beyond its bounds counts as the nearest that is within. An option that can't be read has no value
here: it never takes its neighbours along.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from corral.catalog.unique import unique_of, unique_to_json
from corral.job import backoff as backoffs
from corral.job.batch import BOUNDS, PARTS, Batch
from corral.job.bounds import Bounds
from corral.job.effect import IfPerhapsDone
from corral.job.limits import DELAY, EXPIRES_IN, KEPT_COUNT, KEPT_SECONDS, MEMORY, RETRIES, STALLS, TIMEOUT
from corral.job.options import Executor, Options, Retention
from corral.job.priority import Priority
from corral.job.shown import shown

BATCH = "batch"
_BACKOFFS: dict[str, type[backoffs.Backoff]] = {
    "fixed": backoffs.Fixed,
    "linear": backoffs.Linear,
    "exponential": backoffs.Exponential,
    "exact": backoffs.Exact,
}


def options_to_json(options: Options) -> dict[str, Any]:
    """The options as JSON values by name."""
    return {
        "queue": options.queue,
        "queues": sorted(options.queues),
        "priority": options.priority.value,
        "retries": options.retries,
        "backoff": backoff_to_json(options.backoff),
        "timeout": options.timeout,
        "delay": options.delay,
        "expires_in": options.expires_in,
        "max_stalls": options.max_stalls,
        "tags": list(options.tags),
        "search": list(options.search),
        "keep_finished": {"seconds": options.keep_finished.seconds, "count": options.keep_finished.count},
        "keep_failed": {"seconds": options.keep_failed.seconds, "count": options.keep_failed.count},
        "executor": options.executor.value,
        "memory_limit": options.memory_limit,
        "perhaps_done": options.perhaps_done.value,
        "limits": list(options.limits),
        "unique": None if options.unique is None else unique_to_json(options.unique),
        "batch": None if options.batch is None else options.batch.values,
    }


def backoff_to_json(backoff: backoffs.Backoff) -> dict[str, Any]:
    """The backoff as JSON: its kind and its numbers."""
    kind = next(name for name, cls in _BACKOFFS.items() if isinstance(backoff, cls))
    fields = {field: getattr(backoff, field) for field in backoff.__dataclass_fields__}
    return {"kind": kind, **{k: list(v) if k == "waits" else v for k, v in fields.items()}}


def backoff_of(value: Any) -> backoffs.Backoff:
    """The backoff that a person writes: seconds, a list of them, `exponential:2`, or an object with its kind.

    Raises:
        ValueError: it is none of these, or out of range; the message says what would be right.
    """
    match value:
        case bool():
            raise ValueError(BACKOFF_FORMS.format(value=shown(value)))
        case int() | float():
            return _checked(backoffs.Fixed(value))
        case list():
            return _checked(backoffs.Exact(tuple(value)))
        case str() if (parts := value.partition(":"))[0] in _BACKOFFS and parts[0] != "exact":
            try:
                seconds = float(parts[2])
            except ValueError:
                raise ValueError(BACKOFF_FORMS.format(value=shown(value))) from None
            return _checked(_BACKOFFS[parts[0]](seconds))  # type: ignore[arg-type]  # exact is none of them
        case dict() if isinstance(kind := value.get("kind"), str) and kind in _BACKOFFS:
            return _backoff_of_parts(kind, value)
        case _:
            raise ValueError(BACKOFF_FORMS.format(value=shown(value)))


def _backoff_of_parts(kind: str, parts: Mapping[str, Any]) -> backoffs.Backoff:
    known = {"kind", *_BACKOFFS[kind].__dataclass_fields__}
    if unknown := parts.keys() - known:
        raise ValueError(
            f"has no part {', '.join(sorted(map(str, unknown)))}; known: {', '.join(sorted(known))}"
        )
    needed = "waits" if kind == "exact" else "seconds"
    if needed not in parts:
        raise ValueError(f"needs the part {needed}; known: {', '.join(sorted(known))}")
    if kind == "exact" and not isinstance(parts["waits"], list):
        raise ValueError(f"has waits that are {shown(parts['waits'])}; they must be a list of seconds")
    return _checked(_made(kind, parts))


def _checked(backoff: backoffs.Backoff) -> backoffs.Backoff:
    try:
        backoffs.check(backoff)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("backoff: ")) from None
    return backoff


BACKOFF_FORMS = (
    "is {value}; it must be a number of seconds, a list of them, or kind:seconds"
    " with a kind of fixed, linear or exponential, such as exponential:2"
)


def option_from_json(option: str, value: Any) -> Any:
    """The value of one known option.

    Raises:
        ValueError: it can't be read.
    """
    try:
        return _READ[option](value)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{option}: {value!r:.200} can't be read: {error!r}") from error


def options_from_json(data: Mapping[str, Any]) -> Options:
    """The options, with the default of each that is missing or can't be read; `settle` tells which can't."""
    values: dict[str, Any] = {}
    for option in _READ.keys() & data.keys():
        with suppress(ValueError):
            values[option] = option_from_json(option, data[option])
    drop_unfit(values)
    return Options(**values)


def overridden(declared: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Declared options with what an operator set over them, as JSON by option.

    Of a batch the parts count that are set; where the declaration has none, none can be set: its handler takes one job.
    """
    values = {**declared, **overrides}
    if BATCH in overrides:
        said = declared.get(BATCH)
        parts = overrides[BATCH]
        values[BATCH] = (
            {**said, **parts} if isinstance(said, Mapping) and isinstance(parts, Mapping) else said
        )
    return values


def drop_unfit(values: dict[str, Any]) -> str | None:
    """Take out what another option makes meaningless, and say what and why; None where nothing is."""
    process = values.get("executor", Options().executor) is Executor.PROCESS
    if process or values.get("memory_limit") is None:
        return None
    del values["memory_limit"]
    return "memory_limit: only attempts in processes have one"


def _number(bounds: Bounds) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError("it is no number")
        near = bounds.nearest(value)
        if (fault := bounds.fault(near)) is not None:
            raise ValueError(f"it {fault}")
        return near

    return read


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is no text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError("it is no list")
    return tuple(map(_text, value))


def _retention(value: Any) -> Retention:
    seconds, count = _optional(_number(KEPT_SECONDS)), _optional(_number(KEPT_COUNT))
    return Retention(seconds=seconds(value.get("seconds")), count=count(value.get("count")))


def _backoff(value: Any) -> backoffs.Backoff:
    backoff = _made(value["kind"], value)
    backoffs.check(backoff)
    return backoff


def _made(kind: str, parts: Mapping[str, Any]) -> backoffs.Backoff:
    cls = _BACKOFFS[kind]
    fields = {key: field for key, field in parts.items() if key in cls.__dataclass_fields__}
    if "waits" in fields:
        fields["waits"] = tuple(fields["waits"])
    return cls(**fields)


def _batch(value: Any) -> Batch:
    numbers = {part: _number(bounds) for part, bounds in BOUNDS.items()}
    given = {
        part: numbers[part](one) if part in numbers and one is not None else one
        for part, one in value.items()
        if part in PARTS
    }
    batch = Batch(**given)
    batch.check()
    return batch


_READ: dict[str, Callable[[Any], Any]] = {
    "queue": _text,
    "queues": lambda value: frozenset(_texts(value)),
    "priority": Priority,
    "retries": _number(RETRIES),
    "backoff": _backoff,
    "timeout": _optional(_number(TIMEOUT)),
    "delay": _number(DELAY),
    "expires_in": _optional(_number(EXPIRES_IN)),
    "max_stalls": _number(STALLS),
    "tags": _texts,
    "search": _texts,
    "keep_finished": _retention,
    "keep_failed": _retention,
    "executor": Executor,
    "perhaps_done": IfPerhapsDone,
    "memory_limit": _optional(_number(MEMORY)),
    "limits": _texts,
    "unique": _optional(unique_of),
    "batch": _optional(_batch),
}
