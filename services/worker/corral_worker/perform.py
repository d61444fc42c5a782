"""The steps that every handler goes through, wherever it runs: read the payload, call, write the result.

Nothing here raises: every way in which a handler can end is an ending.
"""

import inspect
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

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
    except ValueError as error:
        return Raised(failure(ErrorKind.PAYLOAD, error))
    try:
        value = await handler.call(value, context)
    except BaseException as error:  # noqa: BLE001  # SystemExit in a handler must not end the worker
        return raised(error)
    return write_result(declared, value)


def perform_blocking(
    declared: JobType[Any, Any], handler: Handler, payload: str, context: SyncContext
) -> Returned | Raised:
    """Run a plain function."""
    try:
        value = read_payload(declared, payload)
    except ValueError as error:
        return Raised(failure(ErrorKind.PAYLOAD, error))
    try:
        value = handler.call(value, context)
        if inspect.isawaitable(value):
            value.close() if inspect.iscoroutine(value) else None
            raise TypeError("the handler returned an awaitable; declare it with async def")  # noqa: TRY301
    except BaseException as error:  # noqa: BLE001  # as above
        return raised(error)
    return write_result(declared, value)


def read_payload(declared: JobType[Any, Any], payload: str) -> Any:
    """The payload as the handler wants it.

    Raises:
        ValueError: it does not fit the model: the type changed since the job was submitted.
    """
    adapter = declared.payload_adapter
    return from_json(payload) if adapter is None else adapter.validate_json(payload)


def write_result(declared: JobType[Any, Any], value: Any) -> Returned | Raised:
    """The ending of a handler that returned `value`."""
    try:
        return Returned(result_text(value, declared.result_adapter))
    except (ResultRefused, ValidationError) as error:
        return Raised(failure(ErrorKind.RESULT, error))
    except Exception as error:  # noqa: BLE001  # a model's own serialiser may raise anything
        return Raised(failure(ErrorKind.RESULT, error))
