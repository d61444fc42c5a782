"""Runs the worker's coroutine to its end, whatever a handler does to the event loop, and lets the process end after it.

SystemExit and KeyboardInterrupt that come from no task or callback of a known attempt (a callback of a file
descriptor, a signal's handler, the loop's exception handler) leave the loop. It is entered again: what they left
undone is still there, and other jobs run on it.
"""

import asyncio
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import structlog

from corral import frames, metrics
from corral_worker.own_process import event_loop, stack

log = structlog.get_logger(__name__)

T = TypeVar("T")

TOO_OFTEN = (100, 10.0)
"""Times and seconds: code that leaves the loop so often within such a time keeps other jobs from running."""
CLOSE_SECONDS = 5.0
"""How long what handlers left behind may take to be cancelled."""
LEFT_SECONDS = 2.0
"""How long threads that handlers left behind may take to end."""
LEAVE_SECONDS = 10.0
"""How long after its work the process may take to end."""


def run(
    main: Coroutine[Any, Any, T], loop_class: type[Any], *, too_often: tuple[int, float] = TOO_OFTEN
) -> T:
    """Run until `main` ends; its result, or what it raised. `too_often`: as TOO_OFTEN says."""
    loop = event_loop.guarded(loop_class)
    asyncio.set_event_loop(loop)
    threads = ThreadPoolExecutor(thread_name_prefix="asyncio")
    loop.set_default_executor(threads)
    task = loop.create_task(main, name="worker")
    with event_loop.handlers_see_their_own_tasks():
        try:
            _run(loop, task, too_often)
            return task.result()
        finally:
            close(loop)
            threads.shutdown(wait=False, cancel_futures=True)


def leave_now(code: int) -> NoReturn:
    """End the process without what Python does at its end: functions and threads of handlers could keep it for ever."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a handler may have closed or replaced it
            stream.flush()
    os._exit(code)


def leave(code: int) -> int:
    """Give back the exit code, or end the process at once where threads that a handler started would keep it for ever.

    What handlers registered with `atexit` has a few seconds.
    """
    threading.Thread(target=_leave_later, args=(code,), name="leave", daemon=True).start()
    deadline = time.monotonic() + LEFT_SECONDS
    left = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    for thread in left:
        thread.join(max(0.0, deadline - time.monotonic()))
    stubborn = {thread.name: _place(thread) for thread in left if thread.is_alive()}
    if stubborn:
        log.warning("worker.threads_left", threads=stubborn)
        leave_now(code)
    return code


def _leave_later(code: int) -> None:
    time.sleep(LEAVE_SECONDS)
    log.warning("worker.kept", hint="a function that a handler registered with atexit did not return")
    leave_now(code)


def _run(
    loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any], too_often: tuple[int, float] = TOO_OFTEN
) -> None:
    most, seconds = too_often
    times: deque[float] = deque(maxlen=most)
    while not task.done():
        try:
            loop.run_until_complete(task)
        except BaseException as error:
            if task.done():
                return
            if loop.is_closed():
                raise
            metrics.SWALLOWED.labels("loop").inc()
            log.error("loop.left", error=frames.described(error), hint="the worker goes on")  # noqa: TRY400  # the place says it
            times.append(time.monotonic())
            if len(times) == most and times[-1] - times[0] < seconds:
                raise


def close(loop: asyncio.AbstractEventLoop, seconds: float = CLOSE_SECONDS) -> None:
    """Close the loop. What handlers left behind on it is cancelled, and waited for so long, whatever it does."""
    try:
        _run(loop, loop.create_task(_end_tasks(seconds), name="end"))
    except BaseException as error:  # noqa: BLE001  # what handlers left behind may do anything when it is cancelled
        log.warning("loop.not_cleared", error=frames.described(error))
    asyncio.set_event_loop(None)
    if not loop.is_closed():
        loop.close()


async def _end_tasks(seconds: float) -> None:
    """Cancel the tasks that are left and close async generators, as `asyncio.run` does, each for at most so long."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for other in others:
        other.cancel()
    if others:
        await asyncio.wait(others, timeout=seconds)
    await asyncio.wait_for(asyncio.get_running_loop().shutdown_asyncgens(), seconds)


def _place(thread: threading.Thread) -> str:
    found = stack.of_thread(thread.ident or 0)
    return found.place if found else ""
