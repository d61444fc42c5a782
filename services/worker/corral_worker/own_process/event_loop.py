"""The event loop that the worker shares with its handlers, and what a handler can't do to it.

A task or a callback that asks the process to end ends its attempt. `loop.stop()` is refused where a handler calls
it. A handler that cancels every task it finds finds its own. See `corral_worker.own_process.runner` for what is left.
"""

import asyncio
import sys
import types
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, TypeVar

import structlog

from corral_worker.own_process import attribution
from corral_worker.own_process.attribution import Held
from corral_worker.own_process.contained import Contained

log = structlog.get_logger(__name__)

T = TypeVar("T")
_MAY_EXIT = frozenset({types.FunctionType, types.MethodType, partial})
"""Callbacks that may be a handler's. Those that asyncio resumes its tasks with are of other types, and many."""


class ExitRequests:
    """Tells of each attempt whose code, in a task or callback of its own, asked the process to end."""

    def __init__(self) -> None:
        self.hear: Callable[[Held, BaseException], None] = lambda _attempt, _error: None


class GuardedLoop:
    """Put before the class of an event loop, it contains the callbacks that handlers set; `task_factory` contains their tasks."""

    exits: ExitRequests

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Any:
        """As asyncio's; a handler's callback that asks the process to end ends its attempt instead."""
        if type(callback) in _MAY_EXIT and attribution.owner(context) is not None:
            callback, args = self._contain(callback, args, context)
        return super().call_soon(callback, *args, context=context)  # type: ignore[misc]  # of the class that follows

    def call_soon_threadsafe(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        """As asyncio's; a handler's callback that asks the process to end ends its attempt instead."""
        callback, args = self._contain(callback, args, context)
        return super().call_soon_threadsafe(callback, *args, context=context)  # type: ignore[misc]  # as above

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        """As asyncio's; a handler's callback that asks the process to end ends its attempt instead."""
        callback, args = self._contain(callback, args, context)
        return super().call_later(delay, callback, *args, context=context)  # type: ignore[misc]  # as above

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Any:
        """As asyncio's; a handler's callback that asks the process to end ends its attempt instead."""
        callback, args = self._contain(callback, args, context)
        return super().call_at(when, callback, *args, context=context)  # type: ignore[misc]  # as above

    def stop(self) -> None:
        """As asyncio's, for whoever runs the loop.

        Raises:
            RuntimeError: a handler calls it.
        """
        _refuse_handlers("stop the event loop")
        super().stop()  # type: ignore[misc]  # as above

    async def shutdown_default_executor(self, *arguments: Any, **options: Any) -> None:
        """As asyncio's, for whoever runs the loop.

        Raises:
            RuntimeError: a handler calls it.
        """
        _refuse_handlers("shut down the threads of the event loop")
        await super().shutdown_default_executor(*arguments, **options)  # type: ignore[misc]  # as above

    def set_default_executor(self, executor: Any) -> None:
        """As asyncio's, for whoever runs the loop.

        Raises:
            RuntimeError: a handler calls it.
        """
        _refuse_handlers("replace the threads of the event loop")
        super().set_default_executor(executor)  # type: ignore[misc]  # as above

    def _contain(
        self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        attempt = None if callback is _contained else attribution.owner(context)
        return (callback, args) if attempt is None else (_contained, (self.exits, attempt, callback, *args))


def _refuse_handlers(what: str) -> None:
    if attribution.owner() is not None:
        raise RuntimeError(f"a handler can't {what}: it is the worker's, and other jobs run on it")


class OwnedTask(asyncio.Task[T]):
    """A task, and whose it is: an attempt's, or None for the worker's own."""

    owner: Held | None = None


class WorkerTask(OwnedTask[T]):
    """A task of the worker's own, or the one that runs an attempt: cancelled by the worker, or by that attempt."""

    def cancel(self, msg: Any | None = None) -> bool:
        """As asyncio's, but not for a handler that it does not belong to."""
        asks = attribution.owner()
        if asks is None or asks == self.owner:
            return super().cancel(msg)
        log.warning("task.cancel_refused", job=str(asks[0]), attempt=asks[1], task=self.get_name())
        return False


def start_task(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any]:
    """A task; where Python can, one that begins at once and so may end without the loop's help."""
    if sys.version_info >= (3, 12):
        return WorkerTask(coroutine, loop=loop, eager_start=True)
    return WorkerTask(coroutine, loop=loop)


def task_factory(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], **options: Any
) -> asyncio.Task[T]:
    """A task: contained where a handler starts it, guarded where the worker does."""
    attempt = attribution.owner(options.get("context"))
    if attempt is None:
        return WorkerTask(coroutine, loop=loop, **options)
    exits = getattr(loop, "exits", None)
    if exits is not None and asyncio.iscoroutine(coroutine):
        coroutine = Contained(coroutine, partial(exits.hear, attempt))
    task: OwnedTask[T] = OwnedTask(coroutine, loop=loop, **options)
    task.owner = attempt
    return task


def guarded(loop_class: type[Any]) -> asyncio.AbstractEventLoop:
    """A new event loop of that class, guarded."""
    loop: Any = type("Loop", (GuardedLoop, loop_class), {})()
    loop.exits = ExitRequests()
    loop.set_task_factory(task_factory)
    found: asyncio.AbstractEventLoop = loop
    return found


@contextmanager
def handlers_see_their_own_tasks() -> Iterator[None]:
    """Have `asyncio.all_tasks` answer a handler with its own tasks: whoever cancels them all cancels no neighbour's."""
    everything = asyncio.tasks.all_tasks

    def all_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]:
        """As asyncio's; for a handler, without the tasks of others."""
        found, asks = everything(loop), attribution.owner()
        if asks is None:
            return found
        return {task for task in found if not isinstance(task, OwnedTask) or task.owner == asks}

    asyncio.all_tasks = asyncio.tasks.all_tasks = all_tasks
    try:
        yield
    finally:
        asyncio.all_tasks = asyncio.tasks.all_tasks = everything


async def as_worker(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await what the worker does on behalf of a handler: whatever it starts meanwhile is the worker's own.

    The handler may cancel it, and nobody else's handler can.
    """
    context = copy_context()
    context.run(attribution.belong_to, None)
    task = asyncio.get_running_loop().create_task(coroutine, context=context)
    if isinstance(task, WorkerTask):
        task.owner = attribution.owner()
    return await task


def _contained(exits: ExitRequests, attempt: Held, callback: Callable[..., Any], *args: Any) -> None:
    try:
        callback(*args)
    except (SystemExit, KeyboardInterrupt) as error:
        exits.hear(attempt, error)
