"""Handlers that say odd things to their context, in each executor. A worker under test imports this module."""

import asyncio
import math
import os
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from corral.catalog import job_type
from corral.context import Context, SyncContext

QUEUE = "rig"
EXECUTORS = ("async", "thread", "process")


class Order(BaseModel):
    n: float


class Shade(Enum):
    DARK = "dark"


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


def deep() -> Any:
    value: Any = 1
    for _ in range(5_000):
        value = [value]
    return value


def ring() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def raiser() -> None:
    raise ValueError("as asked")


def odd_values(ctx: Context | SyncContext) -> None:
    """Everything between two plain lines."""
    ctx.log("first")
    for value in (
        2**70, 2**20_000, math.nan, -math.inf, "\0", "\ud800", b"\xff", object(), Unprintable(), deep(), ring(),
        "x" * 1_000_000, {1: {(2, 3): 4}}, Decimal("1.5"), datetime.now(UTC), Shade.DARK, Order(n=math.nan),
        ValueError("no"), ctx, lambda: None, list(range(10_000)),
    ):  # fmt: skip
        ctx.log("odd", value=value)
        ctx.log(value)
    ctx.log("y" * 1_000_000)
    ctx.progress(2**70, "\0\ud800" + "m" * 10_000)
    ctx.log("last")


def logged_error(ctx: Context | SyncContext) -> None:
    try:
        raiser()
    except ValueError as error:
        ctx.log(error, tries=1)


def odd_progress(ctx: Context | SyncContext) -> None:
    ctx.log("before")
    ctx.progress(30, "before")
    ctx.progress(50, 5)  # type: ignore[arg-type]


ACTIONS: dict[str, Callable[[Context | SyncContext], None]] = {
    "odd values": odd_values,
    "logged error": logged_error,
    "odd progress": odd_progress,
}

say_async = job_type("rig.say_async", queue=QUEUE, executor="async", retries=0)
say_thread = job_type("rig.say_thread", queue=QUEUE, executor="thread", retries=0)
say_process = job_type("rig.say_process", queue=QUEUE, executor="process", retries=0)
late_async = job_type("rig.late_async", queue=QUEUE, executor="async", retries=0)
late_thread = job_type("rig.late_thread", queue=QUEUE, executor="thread", retries=0)
many_async = job_type("rig.many_async", queue=QUEUE, executor="async", retries=0)
many_thread = job_type("rig.many_thread", queue=QUEUE, executor="thread", retries=0)
family = job_type("rig.family", queue=QUEUE, executor="process", retries=0)


@say_async.handler
async def do_say_async(payload: Any, ctx: Context) -> str:
    ACTIONS[payload](ctx)
    return "said"


@say_thread.handler
def do_say_thread(payload: Any, ctx: SyncContext) -> str:
    ACTIONS[payload](ctx)
    return "said"


@say_process.handler
def do_say_process(payload: Any, ctx: SyncContext) -> str:
    ACTIONS[payload](ctx)
    return "said"


def note(path: str, told: Exception | str) -> None:
    with Path(path).open("a") as file:
        file.write(f"{type(told).__name__}: {told}\n" if isinstance(told, Exception) else f"{told}\n")


TASKS: set[asyncio.Task[None]] = set()


@late_async.handler
async def do_late_async(payload: Any, ctx: Context) -> str:
    """Leaves a task that uses the context after the attempt."""

    async def late() -> None:
        await asyncio.sleep(0.3)
        for use in (
            lambda: ctx.checkpoint("late"),
            lambda: ctx.submit("demo.echo", "late"),
            lambda: ctx.artifacts.put("late", "late"),
        ):
            try:
                await use()
            except Exception as error:  # noqa: BLE001  # what it is, the test tells
                note(payload, error)
        for say in (lambda: ctx.log("late"), lambda: ctx.progress(5, "late")):
            try:
                say()
            except Exception as error:  # noqa: BLE001  # as above
                note(payload, error)

    TASKS.add(asyncio.create_task(late()))
    return "returned"


@late_thread.handler
def do_late_thread(payload: Any, ctx: SyncContext) -> str:
    """Leaves a thread that uses the context after the attempt."""

    def late() -> None:
        threading.Event().wait(0.3)
        for use in (
            lambda: ctx.checkpoint("late"),
            lambda: ctx.submit("demo.echo", "late"),
            lambda: ctx.artifacts.put("late", "late"),
            lambda: ctx.log("late"),
            lambda: ctx.progress(5, "late"),
        ):
            try:
                use()
            except Exception as error:  # noqa: BLE001  # as above
                note(payload, error)

    threading.Thread(target=late).start()
    return "returned"


@many_async.handler
async def do_many_async(payload: Any, ctx: Context) -> str:
    """Tasks, and a thread with a loop of its own, that use one context at once."""

    async def use(name: str) -> None:
        ctx.log(name)
        await ctx.artifacts.put(name, name)
        ctx.progress(50, name)

    await asyncio.gather(*[use(f"task {n}") for n in range(5)], asyncio.to_thread(asyncio.run, use("thread")))
    return "used"


@many_thread.handler
def do_many_thread(payload: Any, ctx: SyncContext) -> str:
    def use(name: str) -> None:
        ctx.log(name)
        ctx.artifacts.put(name, name)
        ctx.progress(50, name)

    threads = [threading.Thread(target=use, args=(f"thread {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "used"


@family.handler
def do_family(payload: Any) -> None:
    """A handler with a program in its group, and one that went its own way."""
    near = subprocess.Popen(["/bin/sleep", "600"]).pid
    daemon = ["/bin/sh", "-c", "setsid sleep 600 <&- >&- 2>&- & echo $!"]
    far = int(subprocess.run(daemon, check=True, capture_output=True).stdout)
    note(payload, f"{os.getpid()} {near} {far}")
    threading.Event().wait(600)
