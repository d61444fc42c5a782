"""Coroutines that block the event loop of their worker, in several ways."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from corral.catalog import job_type

blocker = job_type("rig.blocker", queue="rig", retries=0)


def sleep() -> None:
    time.sleep(600)


def compute() -> None:
    count = 0
    while True:
        count += 1


def wait_for_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def be_deaf() -> None:
    """Swallow whatever comes, as code of an extension does not even see it."""
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(600)


async def in_task() -> None:
    async def block() -> None:
        time.sleep(600)  # noqa: ASYNC251  # the fault that is tested

    await asyncio.gather(block(), asyncio.sleep(60))


async def in_callback() -> None:
    asyncio.get_running_loop().call_soon(sleep)
    await asyncio.sleep(60)


BLOCKING: dict[str, Callable[[], None]] = {
    "sleep": sleep,
    "compute": compute,
    "lock": wait_for_lock,
    "deaf": be_deaf,
}


@blocker.handler
async def do_block(payload: Any) -> None:
    match payload["how"]:
        case "task":
            await in_task()
        case "callback":
            await in_callback()
        case how:
            BLOCKING[how]()
