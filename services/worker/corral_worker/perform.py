"""The steps that every handler goes through, wherever it runs: read the payload, call, write the result.

Nothing here raises: every way in which a handler, or a model's own code, can end is an ending.
"""

import inspect
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from corral import json_codec
from corral.catalog import JobType
from corral.catalog.handler import Handler
from corral.context import Context, SyncContext
from corral.job.outcome import ErrorKind
from corral_worker.ending import Raised, Returned, raised
from corral_worker.failure import failure
from corral_worker.result import ResultRefused, result_text


async def perform(
    declared: JobType[Any, Any], handler: Handler, payload: str, context: Context | None
) -> Returned | Raised:
    """Run a coroutine; `context` may be left out for a handler that does not take it."""
    try:
        value = read_payload(declared, payload)
    except BaseException as error:  # noqa: BLE001  # a model's validator may raise anything
        return _unread(declared, error)
    try:
        value = await handler.call(value, context)
        _refuse_awaitable(value)
    except BaseException as error:  # noqa: BLE001  # SystemExit in a handler must not end the worker
        return raised(error)
    return write_result(declared, value)


def perform_blocking(
    declared: JobType[Any, Any], handler: Handler, payload: str, context: SyncContext
) -> Returned | Raised:
    """Run a plain function."""
    try:
        value = read_payload(declared, payload)
    except BaseException as error:  # noqa: BLE001  # as above
        return _unread(declared, error)
    try:
        value = handler.call(value, context)
        _refuse_awaitable(value)
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


def write_result(declared: JobType[Any, Any], value: Any) -> Returned | Raised:
    """The ending of a handler that returned `value`."""
    try:
        return Returned(result_text(value, declared.result_adapter))
    except (ResultRefused, ValidationError) as error:
        return Raised(failure(ErrorKind.RESULT, error))
    except BaseException as error:  # noqa: BLE001  # a model's own serialiser may raise anything
        model = f" as {_name(declared.result_model)}" if declared.result_model is not None else ""
        return Raised(failure(ErrorKind.RESULT, error, doing=f"the result can't be written{model}"))


def _unread(declared: JobType[Any, Any], error: BaseException) -> Raised:
    """The ending of an attempt whose payload could not be read: Pydantic names model and field itself."""
    if type(error) is ValidationError:
        return Raised(failure(ErrorKind.PAYLOAD, error))
    model = f" as {_name(declared.payload_model)}" if declared.payload_model is not None else ""
    return Raised(failure(ErrorKind.PAYLOAD, error, doing=f"the payload can't be read{model}"))


def _name(model: Any) -> str:
    return str(getattr(model, "__qualname__", model))


def _refuse_awaitable(value: Any) -> None:
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
