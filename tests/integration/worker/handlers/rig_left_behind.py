"""Handlers that return and leave something behind, which outlives their attempts."""

import asyncio
import atexit
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from corral.catalog import job_type

in_loop = job_type("rig.left_async", queue="rig", retries=0)
in_process = job_type("rig.left_process", queue="rig", executor="process", retries=0)
KEPT: list[Any] = []


def late(*_: Any) -> None:
    raise RuntimeError("a late alarm")


def close_stderr() -> None:
    sys.stderr.close()


def close_descriptors() -> None:
    os.close(1)
    os.close(2)


def no_stderr() -> None:
    sys.stderr = None  # type: ignore[assignment]


def timer_again_and_again() -> None:
    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, 0.3, 0.05)


async def there(file: str) -> None:
    while not os.path.getsize(file):  # noqa: ASYNC110, ASYNC240, PTH202  a job says with it that it has started
        await asyncio.sleep(0.02)


def task_that_blocks(after: str) -> None:
    async def block() -> None:
        await there(after)
        while True:
            pass

    KEPT.append(asyncio.create_task(block()))


def callback_that_blocks(after: str) -> None:
    async def block() -> None:
        await there(after)
        asyncio.get_running_loop().call_soon(time.sleep, 600)

    KEPT.append(asyncio.create_task(block()))


def at_exit() -> None:
    atexit.register(time.sleep, 600)


def thread_of_the_loop() -> None:
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 600)


def deaf_task() -> None:
    async def deaf() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(600)

    KEPT.append(asyncio.create_task(deaf()))


def exiting_task() -> None:
    async def leave() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            sys.exit(9)

    KEPT.append(asyncio.create_task(leave()))


def open_generator() -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(600)

    async def begin() -> None:
        generator = numbers()
        KEPT.append(generator)
        await anext(generator)

    KEPT.append(asyncio.create_task(begin()))


LEAVERS: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        close_stderr, close_descriptors, no_stderr, timer_again_and_again, task_that_blocks, callback_that_blocks,
        at_exit, thread_of_the_loop, deaf_task, exiting_task, open_generator,
    )
}  # fmt: skip


async def leave(payload: dict[str, str]) -> str:
    LEAVERS[payload.pop("what")](**payload)
    await asyncio.sleep(0.05)
    return "done"


@in_loop.handler
async def leave_in_loop(payload: Any) -> str:
    return await leave(payload)


@in_process.handler
async def leave_in_process(payload: Any) -> str:
    return await leave(payload)
