"""A handler: the function of a job type, and how it wants to be called."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_type_hints

from corral.context import Context, SyncContext
from corral.errors import DeclarationError
from corral.job.options import Executor


@dataclass(frozen=True, slots=True)
class Handler:
    """A checked handler. Its function takes the payload, the context, both in that order, or nothing."""

    function: Callable[..., Any]
    takes_payload: bool
    takes_context: bool
    is_async: bool

    def call(self, payload: Any, context: Any) -> Any:
        """Call the function with the payload, the context, both or neither; an async one answers its coroutine."""
        if self.takes_payload:
            return self.function(payload, context) if self.takes_context else self.function(payload)
        return self.function(context) if self.takes_context else self.function()

    @property
    def reference(self) -> tuple[str, str]:
        """Module and qualified name: how a child process finds the function."""
        return self.function.__module__, self.function.__qualname__


def inspect_handler(
    name: str, function: Callable[..., Any], executor: Executor, *, batch: bool = False
) -> Handler:
    """The handler that `function` is for the job type `name`.

    Raises:
        DeclarationError: it can't be called with (payload, context), or it does not fit the executor.
    """
    is_async = inspect.iscoroutinefunction(function)
    where = f"job type {name}: handler {getattr(function, '__qualname__', function)!s}"
    if not inspect.isfunction(function):
        raise DeclarationError(f"{where} is not a function")
    if inspect.isasyncgenfunction(function) or (
        executor is Executor.ASYNC and inspect.isgeneratorfunction(function)
    ):
        raise DeclarationError(
            f"{where} is a generator: calling it would run none of it; return a list instead of using yield"
        )
    if executor is Executor.ASYNC and not is_async:
        raise DeclarationError(
            f'{where} is a plain function; write "async def", or executor="thread" or "process"'
        )
    if executor is Executor.THREAD and is_async:
        raise DeclarationError(f'{where} is a coroutine; it needs executor="async", not "thread"')
    if executor is Executor.PROCESS and "<locals>" in function.__qualname__:
        raise DeclarationError(
            f"{where} is defined inside a function: a child process can't find it; move it to the module"
        )
    takes_payload, takes_context = _shape(where, function)
    if batch and (takes_context or not takes_payload):
        raise DeclarationError(
            f"{where} handles batches: it takes one argument, the list of jobs, each with a context of its own"
        )
    return Handler(function, takes_payload, takes_context, is_async)


def annotation_models(function: Callable[..., Any]) -> tuple[Any, Any]:
    """The payload's and the result's annotation; None where there is none or where it is `None` or `Any`."""
    hints = get_type_hints(function)
    result = hints.pop("return", None)
    payload = next(
        (
            hints[parameter.name]
            for parameter in inspect.signature(function).parameters.values()
            if parameter.name in hints and not _is_context(parameter, hints)
        ),
        None,
    )
    return (None if payload is Any else payload), (None if result in (Any, type(None)) else result)


def _shape(where: str, function: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether the function takes the payload and whether it takes the context."""
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise DeclarationError(f"{where} has an annotation that can't be resolved: {error}") from error
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty
    ]
    if any(
        parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        for parameter in parameters
    ):
        raise DeclarationError(f"{where} takes more than a payload and a context")
    match [_is_context(parameter, hints) for parameter in parameters]:
        case []:
            return False, False
        case [True]:
            return False, True
        case [False]:
            return True, False
        case [False, True]:
            return True, True
        case _:
            raise DeclarationError(f"{where} takes ({', '.join(hints)}); it should take (payload, ctx)")


def _is_context(parameter: inspect.Parameter, hints: dict[str, Any]) -> bool:
    hint = hints.get(parameter.name)
    return hint in (Context, SyncContext) or (hint is None and parameter.name in ("ctx", "context"))
