"""Handlers in threads. A thread can't be killed: past its end it keeps its slot (protocol rule 17)."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

import structlog

from corral_worker.attempts.handler_call import Ending, raised

Work = Callable[[], Ending]


class Threads:
    """At most `size` daemon threads, started when needed and kept.

    The standard pool joins its threads when the interpreter ends, so one handler
    that never returns would keep a stopping worker for ever.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: queue.SimpleQueue[tuple[Work, Context, dict[str, Any], asyncio.Future[Ending]] | None] = (
            queue.SimpleQueue()
        )
        self._started = 0
        self._busy = 0

    async def run(self, work: Work, names: dict[str, Any]) -> Ending:
        """Do the work in a thread, in a copy of the caller's context; its log lines carry `names`.

        What it raises is an ending, and the thread serves the next job.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Ending] = loop.create_future()
        self._busy += 1
        if self._busy > self._started and self._started < self._size:
            self._started += 1
            threading.Thread(target=self._serve, name=f"job-{self._started}", daemon=True).start()
        self._work.put((work, copy_context(), names, future))
        try:
            return await future
        finally:
            self._busy -= 1

    def close(self) -> None:
        """Let the threads end, each when its handler has."""
        for _ in range(self._started):
            self._work.put(None)

    def _serve(self) -> None:
        while True:
            given = self._work.get()
            if given is None:
                return
            work, context, names, future = given
            try:
                ending = context.run(_named, work, names)
            except BaseException as error:  # noqa: BLE001  # a thread that ended would take its slot and its job with it
                ending = raised(error)
            loop = future.get_loop()
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(_settle, future, ending)


def _named(work: Work, names: dict[str, Any]) -> Ending:
    structlog.contextvars.bind_contextvars(**names)
    return work()


def _settle(future: asyncio.Future[Ending], ending: Ending) -> None:
    if not future.done():
        future.set_result(ending)


async def aside(call: Callable[[], object]) -> None:
    """Make a call that blocks, in a thread of its own: handlers may hold every thread of the loop's pool.

    Raises:
        Exception: what the call raises.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def work() -> None:
        error: BaseException | None = None
        try:
            call()
        except BaseException as raised_by_call:  # noqa: BLE001  # passed on
            error = raised_by_call
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell, done, error)

    threading.Thread(target=work, name="aside", daemon=True).start()
    await done


def _tell(done: asyncio.Future[None], error: BaseException | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
