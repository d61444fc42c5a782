"""A coroutine of a handler's that can't end the worker.

asyncio passes SystemExit and KeyboardInterrupt on from any task through the event loop to whoever runs it: in a
program of its own that ends the program. In a worker it would end all its jobs.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any

Exited = Callable[[BaseException], None]
"""Told what asked the process to end. Called where it was raised."""


class Contained(Coroutine[Any, Any, Any]):
    """Goes on as the coroutine does; where that asks the process to end, its task is cancelled instead."""

    __slots__ = ("__name__", "__qualname__", "_coroutine", "_exited")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], exited: Exited) -> None:
        self._coroutine, self._exited = coroutine, exited
        self.__name__ = getattr(coroutine, "__name__", type(coroutine).__name__)
        self.__qualname__ = getattr(coroutine, "__qualname__", self.__name__)

    def send(self, value: Any) -> Any:
        """Resume it."""
        try:
            return self._coroutine.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            self._exited(error)
            raise asyncio.CancelledError(f"{type(error).__name__} in a task of the handler") from error

    def throw(self, *raised: Any) -> Any:
        """Raise in it."""
        try:
            return self._coroutine.throw(*raised)
        except (SystemExit, KeyboardInterrupt) as error:
            self._exited(error)
            raise asyncio.CancelledError(f"{type(error).__name__} in a task of the handler") from error

    def close(self) -> None:
        """End it."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        """What debuggers ask of coroutines: `cr_frame`, `cr_await`, `cr_code`, `cr_running`."""
        return getattr(self._coroutine, name)
