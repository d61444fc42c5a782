"""One call of a handler, the same wherever it runs: read the payload, call, write the result; how it ended is a value.

Nothing here raises: every way in which a handler, or a model's own code, can end is an ending. Child processes import
this module too.
"""

import inspect
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from corral import json_codec
from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import Context, SyncContext
from corral.errors import Discard, JobCancelled, PerhapsDone, RateLimited, Retry, Snooze
from corral.job.outcome import ErrorKind, JobError
from corral_worker.attempts.failure import failure
from corral_worker.attempts.result import ResultRefused, result_text

MAX_READ_TOGETHER = 4 * 2**20
"""Characters of the payloads of a batch that are read in one call."""


class RequestedOutcome(Enum):
    """What a failed handler asks for."""

    BACKOFF = "backoff"
    """To be tried again after the backoff of its job type."""
    DISCARD = "discard"
    CANCEL = "cancel"
    SNOOZE = "snooze"
    """To be run again later, without the use of a retry."""
    PARK = "park"
    """That nothing of a limit starts for a while, and the job keeps its place."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned; `result` is JSON text or None."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Raised:
    """The handler raised, or could not be called, or returned what can't be stored."""

    error: JobError
    requested: RequestedOutcome = RequestedOutcome.BACKOFF
    after: float | None = None
    """Seconds until the next try, where the handler named them."""
    limit: str | None = None
    """The limit to park, where the handler named it."""


@dataclass(frozen=True, slots=True)
class Died:
    """The child process ended before the handler did; `exitcode` is negative for a signal."""

    exitcode: int | None


Ending = Returned | Raised | Died


async def perform(
    declared: JobType[Any, Any], handler: Handler, payload: str, context: Context | None
) -> Returned | Raised:
    """Call a handler that is a coroutine function; `context` may be left out where the handler does not take it."""
    try:
        value = read_payload(declared, payload)
    except BaseException as error:  # noqa: BLE001  # a model's validator may raise anything
        return unread(declared, error)
    try:
        value = await handler.call(value, context)
        refuse_awaitable(value)
    except BaseException as error:  # noqa: BLE001  # SystemExit in a handler must not end the worker
        return raised(error)
    return write_result(declared, value)


def perform_blocking(
    declared: JobType[Any, Any], handler: Handler, payload: str, context: SyncContext
) -> Returned | Raised:
    """Call a handler that is a plain function."""
    try:
        value = read_payload(declared, payload)
    except BaseException as error:  # noqa: BLE001  # as above
        return unread(declared, error)
    try:
        value = handler.call(value, context)
        refuse_awaitable(value)
    except BaseException as error:  # noqa: BLE001  # as above
        return raised(error)
    return write_result(declared, value)


def read_payload(declared: JobType[Any, Any], payload: str) -> Any:
    """The payload as the handler wants it.

    Raises:
        ValueError: it does not fit the model: the type changed since the job was submitted.
        BaseException: whatever the model's own code raises.
    """
    adapter = declared.payload_adapter
    if adapter is None:
        return from_json(payload)
    if declared.reads_decimals and json_codec.may_round(payload.encode()):
        # Pydantic's own parser makes a double of every decimal; a Decimal is read from the digits.
        with suppress(ValidationError):  # a strict model wants what only that parser gives
            return adapter.validate_python(json_codec.lenient(payload))
    return adapter.validate_json(payload)


def read_payloads(declared: JobType[Any, Any], payloads: Sequence[str]) -> Sequence[Any] | None:
    """The payloads of a batch, read in one call; None where each is to be read by itself.

    That is so where one can't be read, for then each has its own ending, and where they are large: they are copied here.
    """
    adapter = declared.payloads_adapter
    if declared.reads_decimals or sum(map(len, payloads)) > MAX_READ_TOGETHER:
        return None
    text = f"[{','.join(payloads)}]"
    try:
        values = from_json(text) if adapter is None else adapter.validate_json(text)
    except BaseException:  # noqa: BLE001  # a model's validator may raise anything
        return None
    return values if len(values) == len(payloads) else None


def write_result(declared: JobType[Any, Any], value: Any) -> Returned | Raised:
    """The ending of a handler that returned `value`."""
    try:
        return Returned(result_text(value, declared.result_adapter))
    except (ResultRefused, ValidationError) as error:
        return Raised(failure(ErrorKind.RESULT, error))
    except BaseException as error:  # noqa: BLE001  # a model's own serialiser may raise anything
        model = f" as {_name(declared.result_model)}" if declared.result_model is not None else ""
        return Raised(failure(ErrorKind.RESULT, error, doing=f"the result can't be written{model}"))


def unread(declared: JobType[Any, Any], error: BaseException) -> Raised:
    """The ending of an attempt whose payload could not be read: Pydantic names model and field itself."""
    if type(error) is ValidationError:
        return Raised(failure(ErrorKind.PAYLOAD, error))
    model = f" as {_name(declared.payload_model)}" if declared.payload_model is not None else ""
    return Raised(failure(ErrorKind.PAYLOAD, error, doing=f"the payload can't be read{model}"))


def _name(model: Any) -> str:
    return str(getattr(model, "__qualname__", model))


def refuse_awaitable(value: Any) -> None:
    """A handler that returns what nobody awaits has not done its work.

    Raises:
        TypeError: it is one.
    """
    if inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()
        raise TypeError(
            "the handler returned an awaitable that it did not await; write `await`, or `async def`"
        )


def raised(error: BaseException) -> Raised:
    """The ending of a handler that raised. Never raises itself."""
    try:
        match _wish(error):
            case Discard() as discard:
                kind = ErrorKind.PERHAPS_DONE if isinstance(discard, PerhapsDone) else ErrorKind.DISCARD
                return Raised(failure(kind, error), RequestedOutcome.DISCARD)
            case JobCancelled():
                return Raised(failure(ErrorKind.EXCEPTION, error), RequestedOutcome.CANCEL)
            case Retry() as retry:
                return Raised(failure(ErrorKind.EXCEPTION, error), after=_seconds(retry))
            case (Snooze() | RateLimited()) as later:
                return _later(later, error)
            case _:
                return Raised(failure(ErrorKind.EXCEPTION, error))
    except BaseException:  # noqa: BLE001  # a class may raise when it is asked what it is
        return Raised(failure(ErrorKind.EXCEPTION, error))


def _later(asked: Snooze | RateLimited, error: BaseException) -> Raised:
    """The ending of a handler that asked for a wait; an ordinary error where that is no length of time."""
    failed, after = failure(ErrorKind.EXCEPTION, error), _seconds(asked)
    if after is None:
        return Raised(failed)
    if isinstance(asked, Snooze):
        return Raised(failed, RequestedOutcome.SNOOZE, after)
    limit = str.__str__(asked.limit) if isinstance(asked.limit, str) else None
    return Raised(failed, RequestedOutcome.PARK, after, limit)


def _wish(error: BaseException) -> BaseException:
    """What asks for something: the exception, or the only one in a group, which is how a TaskGroup passes it on."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _seconds(asked: Retry | Snooze | RateLimited) -> float | None:
    """The wait that was asked for; None where that is no number of seconds."""
    try:
        seconds = float(asked.after)  # type: ignore[arg-type]  # a handler's, so it may be anything
    except BaseException:  # noqa: BLE001  # also a subclass whose `after` raises
        return None
    return None if math.isnan(seconds) else seconds
